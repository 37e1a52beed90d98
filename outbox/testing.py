"""
For tests of code that publishes or handles events. Run the worker here and now, and tell what was published.

Plain functions, for pytest and unittest alike. All of them look at the test's own database. Examples stand in
docs/howto-handler.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any

from django.conf import settings
from django.db.models.functions import Now

from outbox import events, registry
from outbox.choices import EventStatus
from outbox.engine.result import BatchResult
from outbox.engine.retry import RetryPolicy
from outbox.engine.worker import Worker
from outbox.events import DomainEvent
from outbox.models import OutboxEvent, longest_wait
from outbox.registry import Handler

__all__ = [
    "assert_nothing_published",
    "assert_published",
    "assert_publishes",
    "assert_publishes_nothing",
    "drain",
    "isolated_registry",
    "published",
]

LISTED = 20  # events that a failure message shows


def drain(*, raise_errors: bool = True, retries: bool = False) -> BatchResult:
    """
    Handle every event that is due, and those which that publishes. The worker's own code does it. Return what was done.

    An error of a handler is recorded as in production. When nothing more can be handled, the first one is raised again.
    It is raised as it was, with its traceback. With `raise_errors=False` it is only recorded. The failed event then
    waits for its retry. Later events of its aggregate wait with it. With `retries=True` those that wait are handled as
    well, as if their time had come. With `raise_errors=False` too, this is repeated until each is processed or dead.
    """
    if retries:
        OutboxEvent.objects.pending().update(next_attempt_at=Now())
    # So long that none comes back by chance while this drains, or none at all.
    delay_seconds = 0.0 if retries and not raise_errors else longest_wait()
    policy = _FixedDelay(
        max_attempts=settings.OUTBOX_MAX_ATTEMPTS, base_seconds=delay_seconds, cap_seconds=delay_seconds
    )
    worker = Worker(batch_size=100, poll_seconds=0.01, policy=policy)
    if not raise_errors:
        return worker.drain()
    failed_before = _failed()
    with _watched_handlers() as errors:
        result = worker.drain()
    if errors:
        raise errors[0]
    # What failed outside of a handler's own code, such as a payload that does not fit its class.
    if failed := _failed().items() - failed_before.items():
        raise AssertionError("\n".join(f"{event_id} failed: {error}" for event_id, (_, error) in sorted(failed)))
    return result


def published(event_class: type[DomainEvent] = DomainEvent, /, **payload: Any) -> list[OutboxEvent]:
    """
    Return the stored events of a class that have these keys, oldest first. Classes derived from it count too.

    Events count whether they have been handled or not.
    """
    return _published(event_class, payload, after=None)


def assert_published(event_class: type[DomainEvent], /, **payload: Any) -> OutboxEvent:
    """Check that exactly one event of the class has these keys. Return it."""
    return _exactly_one(event_class, payload, after=None)


def assert_nothing_published(event_class: type[DomainEvent] = DomainEvent, /, **payload: Any) -> None:
    """Check that no event of the class has these keys. Without a class, check that there is no event at all."""
    _none(event_class, payload, after=None)


@contextmanager
def assert_publishes(event_class: type[DomainEvent], /, **payload: Any) -> Iterator[list[OutboxEvent]]:
    """Check that the block publishes exactly one event of the class with these keys. The list holds it afterwards."""
    last, found = _last_id(), list[OutboxEvent]()
    yield found
    found.append(_exactly_one(event_class, payload, after=last))


@contextmanager
def assert_publishes_nothing(event_class: type[DomainEvent] = DomainEvent, /, **payload: Any) -> Iterator[None]:
    """
    Check that the block publishes no event of the class with these keys. Without a class, no event at all may come.
    """
    last = _last_id()
    yield
    _none(event_class, payload, after=last)


@contextmanager
def isolated_registry(*event_classes: type[DomainEvent]) -> Iterator[None]:
    """
    Register these event classes for the block. Whatever else is registered in it is taken back after it too.

    So a test may define its own. The handlers of the apps stay registered in it.
    """
    handlers = {event_type: list(registered) for event_type, registered in registry._handlers.items()}
    types = dict(events.event_types)
    try:
        for event_class in event_classes:
            events.register(event_class)
        yield
    finally:
        registry._handlers.clear()
        registry._handlers.update(handlers)
        events.event_types.clear()
        events.event_types.update(types)


class _FixedDelay(RetryPolicy):
    def delay_seconds(self, attempts: int, *, jitter: float | None = None) -> float:
        return self.cap_seconds


@contextmanager
def _watched_handlers() -> Iterator[list[BaseException]]:
    """Yield a list that gets each error of a handler. The dispatcher keeps only their texts."""
    errors: list[BaseException] = []

    def watched(handler: Handler) -> Handler:
        def function(argument: Any) -> None:
            try:
                handler.function(argument)
            except BaseException as error:
                if all(error is not other for other in errors):
                    error.add_note(f"Raised by the handler {handler.name}.")
                    errors.append(error)
                raise

        return replace(handler, function=function)

    with isolated_registry():
        for event_type, registered in registry._handlers.items():
            registry._handlers[event_type] = [watched(handler) for handler in registered]
        yield errors


def _failed() -> dict[str, tuple[int, str]]:
    rows = OutboxEvent.objects.filter(attempts__gt=0).exclude(status=EventStatus.PROCESSED)
    return {str(row.event_id): (row.attempts, row.last_error) for row in rows}


def _last_id() -> int:
    last = OutboxEvent.objects.order_by("-id").values_list("id", flat=True).first()
    return last or 0


def _published(event_class: type[DomainEvent], payload: dict[str, Any], after: int | None) -> list[OutboxEvent]:
    names = [name for name, cls in events.event_types.items() if issubclass(cls, event_class)]
    if event_class is not DomainEvent and not names:
        raise ValueError(f"{event_class.__name__} is not registered, so no stored event can be known as one")
    unknown = set(payload) - {field.name for field in fields(event_class)}
    if unknown:
        raise TypeError(f"{event_class.__name__} has no field {', '.join(sorted(unknown))}")
    rows = OutboxEvent.objects.filter(id__gt=after or 0).order_by("id")
    if event_class is not DomainEvent:
        rows = rows.filter(event_type__in=names)
    return [row for row in rows if not _differences(row, payload)]


def _differences(row: OutboxEvent, payload: dict[str, Any]) -> list[str]:
    return [name for name, value in payload.items() if name not in row.payload or row.payload[name] != value]


def _exactly_one(event_class: type[DomainEvent], payload: dict[str, Any], after: int | None) -> OutboxEvent:
    found = _published(event_class, payload, after)
    if len(found) == 1:
        return found[0]
    outcome = f"was published {len(found)} times" if found else "was not published"
    raise AssertionError(f"{_wanted(event_class, payload)} {outcome}.\n{_list(event_class, payload, after)}")


def _none(event_class: type[DomainEvent], payload: dict[str, Any], after: int | None) -> None:
    if found := _published(event_class, payload, after):
        times = "" if len(found) == 1 else f" {len(found)} times"
        raise AssertionError(
            f"{_wanted(event_class, payload)} was published{times}.\n{_list(event_class, payload, after)}"
        )


def _wanted(event_class: type[DomainEvent], payload: dict[str, Any]) -> str:
    if event_class is DomainEvent:
        return "An event"
    name = f"{event_class.__name__} ({event_class.event_type})" if event_class.event_type else event_class.__name__
    keys = ", ".join(f"{name}={value!r}" for name, value in payload.items())
    return f"{name} with {keys}" if keys else name


def _list(event_class: type[DomainEvent], payload: dict[str, Any], after: int | None) -> str:
    rows = list(OutboxEvent.objects.filter(id__gt=after or 0).order_by("-id")[: LISTED + 1])
    scope = "" if after is None else " in this block"
    if not rows:
        return f"Nothing was published{scope}."
    more = ["  … and older ones"] if len(rows) > LISTED else []
    lines = [f"  {_line(row, event_class, payload)}" for row in rows[:LISTED]]
    return "\n".join([f"Published{scope}, newest first:", *lines, *more])


def _line(row: OutboxEvent, event_class: type[DomainEvent], payload: dict[str, Any]) -> str:
    cls = events.event_types.get(row.event_type, DomainEvent)
    # As declared; PostgreSQL keeps keys in an order of its own.
    payload_of_row = {field.name: row.payload[field.name] for field in fields(cls) if field.name in row.payload}
    line = f"{row.event_type} {json.dumps(payload_of_row | row.payload, ensure_ascii=False)}"
    differing = _differences(row, payload)
    if differing and row.event_type == event_class.event_type:
        line += f"  <- differs in {', '.join(differing)}"
    return line
