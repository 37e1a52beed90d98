"""Which handlers react to which events."""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from uuid import UUID

from outbox.events import DomainEvent

__all__ = ["Delivery", "Handler", "all_handlers", "handlers_of", "handles", "handles_batch"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event as a handler receives it. It is the fact, and what is known about its publication."""

    event: DomainEvent
    event_id: UUID
    request_id: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Handler:
    """
    A registered handler. Its `name` is stored beside each event handled.

    Under another name, events that are pending or requeued are new to it. The handlers of one event run
    by their `place`: in the order in which their names were registered first.
    """

    name: str
    function: Callable[..., None]
    in_batches: bool
    event_classes: tuple[type[DomainEvent], ...] = ()
    place: int = 0

    def run(self, deliveries: Sequence[Delivery]) -> None:
        if self.in_batches:
            self.function(deliveries)
        else:
            for delivery in deliveries:
                self.function(delivery)


_handlers: dict[str, list[Handler]] = defaultdict(list)

Single = Callable[[Delivery], None]
Batch = Callable[[Sequence[Delivery]], None]


def handles(*event_classes: type[DomainEvent], name: str) -> Callable[[Single], Single]:
    """
    Register a function that is given one delivery at a time.

    It runs in the worker's transaction, together with the record that it ran. So its writes happen exactly once if they
    are in this database. It must not call anything outside. An exception undoes its writes and the event is retried.
    UnretryableError makes it dead at once. The rules stand in docs/howto-handler.md.
    """

    def register(function: Single) -> Single:
        _register(Handler(name, function, in_batches=False, event_classes=event_classes))
        return function

    return register


def handles_batch(*event_classes: type[DomainEvent], name: str) -> Callable[[Batch], Batch]:
    """
    Register a function that is given all deliveries of a batch at once, oldest first. Else it is as `handles`.

    For handlers that can do the work of many events in a few statements. When it raises, it is called again with one
    delivery at a time. So only the event at fault is retried.
    """

    def register(function: Batch) -> Batch:
        _register(Handler(name, function, in_batches=True, event_classes=event_classes))
        return function

    return register


def _register(handler: Handler) -> None:
    """
    Raise ValueError for what would run a wrong handler, or none at all.

    Of two functions under one name, each would count as having run when the other has. Classes that are not registered
    are reported by `outbox.checks`.
    """
    if not handler.event_classes:
        raise ValueError(f"handler {handler.name} subscribes to no event class, so it would never be called")
    known = all_handlers()
    namesakes = [other for other in known if other.name == handler.name]
    for other in namesakes:
        if other.function is not handler.function:
            raise ValueError(
                f"two functions are registered as handler {handler.name}: "
                f"{_where(other.function)} and {_where(handler.function)}"
            )
    last = max((other.place for other in known), default=0)
    handler = replace(handler, place=namesakes[0].place if namesakes else last + 1)
    for event_class in handler.event_classes:
        registered = _handlers[event_class.event_type]
        # A class without a name, such as an abstract base, is the checks' to report.
        if event_class.event_type and any(other.name == handler.name for other in registered):
            raise ValueError(f"handler {handler.name} is registered twice for {event_class.event_type}")
        insort(registered, handler, key=attrgetter("place"))


def _where(function: Callable[..., None]) -> str:
    return f"{function.__module__}.{getattr(function, '__qualname__', function)}"


def handlers_of(event_type: str) -> Sequence[Handler]:
    """Return an event type's handlers, in the order in which they run."""
    return _handlers.get(event_type, ())


def all_handlers() -> list[Handler]:
    """Return every subscription. A handler that was registered in several calls comes once for each."""
    return list({id(handler): handler for registered in _handlers.values() for handler in registered}.values())
