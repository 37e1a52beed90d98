"""Handing events to their handlers, once each. This part of a batch runs other people's code."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.db import DatabaseError, OperationalError, connection

from outbox.engine.claimed import ClaimedEvent
from outbox.engine.failures import Fault, blame
from outbox.engine.retry import brief
from outbox.engine.statements import mark_processed, remember
from outbox.engine.traces import traced
from outbox.errors import GivenBack
from outbox.events import event_types
from outbox.guards.deadline import Alarm
from outbox.guards.transaction import KeptWhole, refuse_transaction_control
from outbox.registry import Delivery, Handler, handlers_of
from qhse.observability import context
from qhse.wakeup import notify

logger = logging.getLogger("outbox")

Call = tuple[Handler, list[ClaimedEvent]]


class HandlerFailed(Exception):
    """
    What handlers did has failed, with the error `cause`.

    With `in_handler` it was the handler `where`, else a statement of the engine around all of `where`. The cause need
    not be an Exception: sys.exit raises SystemExit. The pairs (event id, handler) of `unfinished` were remembered, and
    then not called, or failed. The `event` is known where it was handled alone.
    """

    def __init__(self, cause: BaseException, *, where: str, in_handler: bool) -> None:
        super().__init__(f"{where}: {brief(cause)}")
        self.cause = cause
        self.where = where
        self.in_handler = in_handler
        self.unfinished: list[tuple[UUID, str]] = []
        self.event: ClaimedEvent | None = None


class HandlerRunner:
    """Runs every handler on those events that it has not handled yet. Each call is bounded by `alarm`."""

    def __init__(self, alarm: Alarm) -> None:
        self._alarm = alarm

    def run(self, events: Sequence[ClaimedEvent], *, between_calls: Callable[[], None]) -> None:
        """
        Remember, run and mark, in the caller's transaction.

        Remembering comes first. Its answer says which pairs of event and handler are new. Should two workers ever hold
        one event, the second waits here for the first.

        Raises HandlerFailed, OperationalError when the line was lost under a handler, and DatabaseError of its own
        statements.
        """
        calls = _calls(events)
        fresh = remember([(event.event_id, handler.name) for handler, todo in calls for event in todo])
        if fresh is not None:
            calls = [(handler, [e for e in todo if (e.event_id, handler.name) in fresh]) for handler, todo in calls]
        with connection.execute_wrapper(refuse_transaction_control):
            for number, (handler, todo) in enumerate(calls):
                try:
                    if todo:
                        self._call(handler, todo)
                        between_calls()
                except HandlerFailed as failed:
                    left = calls[number:]
                    failed.unfinished = [(event.event_id, handler.name) for handler, todo in left for event in todo]
                    raise
        mark_processed([event.pk for event in events])

    def _call(self, handler: Handler, events: Sequence[ClaimedEvent]) -> None:
        request_id = (events[0].request_id or "") if len(events) == 1 else ""
        hooks_before = len(connection.run_on_commit)
        with context.use(request_id=request_id, source="worker"):
            try:
                with traced(handler, events), KeptWhole(), self._alarm:
                    handler.run([_delivery(event) for event in events])
            except GivenBack:
                raise
            except BaseException as error:
                # Of every kind, because a handler that calls sys.exit() must be counted as one that failed and must
                # not end the worker. Of the worker's own signals only the one above arrives as an exception.
                raise _failure(error, where=handler.name, in_handler=True) from error
        hooks: list[Any] = connection.run_on_commit  # a rollback to a savepoint has replaced the list of before
        for place in range(hooks_before, len(hooks)):
            savepoints, hook, _ = hooks[place]
            hooks[place] = (savepoints, hook if hook is notify else self._harmless(handler, hook), True)

    def _harmless(self, handler: Handler, hook: Callable[[], object]) -> Callable[[], None]:
        """Wrap a handler's `on_commit`. When it runs the effects are committed, so it fails for no event."""

        def run() -> None:
            try:
                with self._alarm:
                    hook()
            except GivenBack:
                raise
            except BaseException:
                logger.exception("an on_commit hook of handler %s failed; its event counts as handled", handler.name)

        return run


@contextmanager
def blaming(events: Sequence[ClaimedEvent]) -> Iterator[None]:
    """
    Raise what the engine's own statements meet in the block as a failure of these events.

    It does not tell which of their handlers it was: that of a deferred constraint, for one.
    """
    try:
        yield
    except DatabaseError as error:
        names = dict.fromkeys(handler.name for event in events for handler in handlers_of(event.event_type))
        raise _failure(error, where=", ".join(names), in_handler=False) from error


def _failure(cause: BaseException, *, where: str, in_handler: bool) -> Exception:
    if blame(cause) is Fault.LINE:
        return OperationalError(f"the database went away under a handler: {brief(cause)}")
    return HandlerFailed(cause, where=where, in_handler=in_handler)


def _calls(events: Iterable[ClaimedEvent]) -> list[Call]:
    """
    Cut a batch into calls. Each aggregate sees them in the order in which its events would be handled alone.

    The batch is cut into stages. An event stands in the stage of its aggregate's last one if the same handler, and no
    other, has both. Else it stands in a later one. Within a stage it goes handler by handler.
    """
    stages: list[dict[int, Call]] = []
    last: dict[tuple[str, str], tuple[int, int]] = {}
    for event in events:
        if not (handlers := handlers_of(event.event_type)):
            continue
        only = handlers[0].place if len(handlers) == 1 else -1
        stage, before = last.get(event.aggregate, (-1, -1))
        stage += only == -1 or only != before
        last[event.aggregate] = (stage, only)
        if stage == len(stages):
            stages.append({})
        for handler in handlers:
            stages[stage].setdefault(handler.place, (handler, []))[1].append(event)
    calls: list[Call] = []
    for stage_calls in stages:
        for _, (handler, todo) in sorted(stage_calls.items(), key=itemgetter(0)):
            calls += [(handler, todo)] if handler.in_batches else [(handler, [event]) for event in todo]
    return calls


def _delivery(event: ClaimedEvent) -> Delivery:
    return Delivery(
        event=event_types[event.event_type].from_payload(event.payload),
        event_id=event.event_id,
        request_id=event.request_id or "",
        occurred_at=event.occurred_at,
    )
