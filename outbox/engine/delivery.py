"""Handing events to their handlers, once each. This part of a batch runs other people's code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from django.db import DatabaseError, OperationalError

from outbox.engine.claimed import ClaimedEvent
from outbox.engine.failures import has_ended_the_connection
from outbox.engine.retry import brief
from outbox.engine.statements import remember
from outbox.errors import GivenBack
from outbox.events import event_types
from outbox.guards.deadline import Alarm
from outbox.guards.session import is_line_lost, settle_session
from outbox.registry import Delivery, Handler, handlers_of
from qhse.observability import context


class HandlerFailed(Exception):
    """A handler raised. What it raised is `cause`. It need not be an Exception: sys.exit raises SystemExit."""

    def __init__(self, handler: Handler, cause: BaseException) -> None:
        super().__init__(f"{handler.name}: {brief(cause)}")
        self.handler = handler
        self.cause = cause


class HandlerRunner:
    """Runs every handler on those events that it has not handled yet. Each call is bounded by `alarm`."""

    def __init__(self, alarm: Alarm) -> None:
        self._alarm = alarm

    def run(self, events: Sequence[ClaimedEvent], *, between_calls: Callable[[], None] = lambda: None) -> None:
        """
        Remember and run, in the caller's transaction.

        Remembering comes first. Its answer says which pairs of event and handler are new. Should two workers ever hold
        one event, the second waits here for the first.

        Raises HandlerFailed, or OperationalError when the database went away under a handler.
        """
        groups = _by_handler(events)
        fresh = remember([(event.event_id, handler.name) for handler, todo in groups for event in todo])
        for handler, todo in groups:
            due = todo if fresh is None else [event for event in todo if (event.event_id, handler.name) in fresh]
            for call in [due] if handler.in_batches else [[event] for event in due]:
                if call:
                    self._call(handler, call)
                    between_calls()
        if groups:
            last, _ = groups[-1]
            try:
                settle_session()
            except DatabaseError as error:
                raise _failure(last, error) from error

    def _call(self, handler: Handler, events: Sequence[ClaimedEvent]) -> None:
        request_id = (events[0].request_id or "") if len(events) == 1 else ""
        with context.use(request_id=request_id, source="worker"):
            try:
                with self._alarm:
                    handler.run([_delivery(event) for event in events])
            except GivenBack:
                raise
            except BaseException as error:
                # Of every kind, because a handler that calls sys.exit() must be counted as one that failed and must
                # not end the worker. Of the worker's own signals only the one above arrives as an exception.
                raise _failure(handler, error) from error


def _failure(handler: Handler, error: BaseException) -> Exception:
    """
    Tell a handler's own error from a database that is away. A deadlock or a violated constraint is the handler's own.
    """
    # Asked before any rollback: one that finds the line dead makes Django open another at once.
    if has_ended_the_connection(error) or is_line_lost():
        return OperationalError(f"the database went away under a handler: {brief(error)}")
    return HandlerFailed(handler, error)


def _by_handler(events: Iterable[ClaimedEvent]) -> list[tuple[Handler, list[ClaimedEvent]]]:
    groups: dict[str, tuple[Handler, list[ClaimedEvent]]] = {}
    for event in events:
        for handler in handlers_of(event.event_type):
            groups.setdefault(handler.name, (handler, []))[1].append(event)
    return list(groups.values())


def _delivery(event: ClaimedEvent) -> Delivery:
    return Delivery(
        event=event_types[event.event_type].from_payload(event.payload),
        event_id=event.event_id,
        request_id=event.request_id or "",
        occurred_at=event.occurred_at,
    )
