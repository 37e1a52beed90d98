"""Handing events to their handlers, once each: the part of a batch that runs other people's code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection

from outbox.engine.claim import ClaimedEvent
from outbox.engine.prepared import array_literal, prepared_cursor
from outbox.engine.retry import brief
from outbox.errors import GivenBack
from outbox.events import event_types
from outbox.guards.deadline import Deadline
from outbox.guards.session import execute_at_once
from outbox.models import ProcessedEvent
from outbox.registry import Delivery, Handler, handlers_of
from qhse.observability import context


class HandlerFailed(Exception):
    """A handler raised; `cause` is what it raised, which need not be an Exception (sys.exit raises SystemExit)."""

    def __init__(self, handler: Handler, cause: BaseException) -> None:
        super().__init__(f"{handler.name}: {brief(cause)}")
        self.handler = handler
        self.cause = cause


class Courier:
    """Runs every handler on those events that it has not handled yet; `deadline` bounds each call."""

    def __init__(self, deadline: Deadline | None) -> None:
        self._deadline = deadline

    def deliver(self, events: Sequence[ClaimedEvent], *, between_calls: Any = None) -> None:
        """
        Remember and run, in the caller's transaction; `between_calls()` is called after each handler call.

        Remembering comes first: its answer says which pairs of event and handler are new, and should two workers
        ever hold one event, the second waits here for the first. Raises HandlerFailed.
        """
        groups = _by_handler(events)
        fresh = _remember([(event.event_id, handler.name) for handler, todo in groups for event in todo])
        for handler, todo in groups:
            due = todo if fresh is None else [event for event in todo if (event.event_id, handler.name) in fresh]
            for call in [due] if handler.in_batches else [[event] for event in due]:
                if call:
                    self._run(handler, call)
                    if between_calls is not None:
                        between_calls()
        if groups:
            _raise_if_aborted(groups[-1][0])
            _check_deferred_constraints(groups[-1][0])

    def _run(self, handler: Handler, events: Sequence[ClaimedEvent]) -> None:
        request_id = (events[0].request_id or "") if len(events) == 1 else ""
        with context.use(request_id=request_id, source="worker"):
            try:
                with self._deadline.call() if self._deadline else nullcontext():
                    handler.run([_delivery(event) for event in events])
            except GivenBack:
                raise
            except BaseException as error:
                # BaseException, because a handler that calls sys.exit() must be counted as one that failed and
                # must not end the worker. The worker's own signals never arrive here as exceptions, except the one
                # above.
                raise HandlerFailed(handler, error) from error


def _by_handler(events: Iterable[ClaimedEvent]) -> list[tuple[Handler, list[ClaimedEvent]]]:
    groups: dict[str, tuple[Handler, list[ClaimedEvent]]] = {}
    for event in events:
        for handler in handlers_of(event.event_type):
            groups.setdefault(handler.name, (handler, []))[1].append(event)
    return list(groups.values())


def _remember(pairs: Sequence[tuple[UUID, str]]) -> set[tuple[UUID, str]] | None:
    """
    Store that these handlers have handled these events, and return the pairs that were not stored before.

    None stands for all of them, which is the rule: UUIDs are slow to compare.
    """
    if not pairs:
        return None
    if connection.vendor != "postgresql":
        known = set(ProcessedEvent.objects.filter(event_id__in={event_id for event_id, _ in pairs}).values_list("pk"))
        fresh = {pair for pair in pairs if (pair,) not in known}
        ProcessedEvent.objects.bulk_create(ProcessedEvent(event_id=pair[0], handler=pair[1]) for pair in fresh)
        return fresh
    with prepared_cursor() as cursor:
        cursor.execute(
            "INSERT INTO outbox_processedevent (event_id, handler) SELECT * FROM unnest(%s::uuid[], %s::text[])"
            " ON CONFLICT DO NOTHING RETURNING event_id, handler",
            [array_literal(event_id for event_id, _ in pairs), [name for _, name in pairs]],
        )
        return None if cursor.rowcount == len(pairs) else set(cursor.fetchall())


def _raise_if_aborted(last: Handler) -> None:
    """
    Find the error that a handler swallowed: it left an aborted transaction behind, of which nothing can be kept.

    Asked of the driver, which knows without a round trip. On SQLite a failed statement aborts nothing.
    """
    if connection.vendor != "postgresql":
        return
    line = connection.connection
    if line is None or line.closed or line.info.transaction_status.name in ("INERROR", "UNKNOWN"):
        error = DatabaseError("a handler went on after a database error, which had aborted the transaction")
        raise HandlerFailed(last, error)


def _check_deferred_constraints(last: Handler) -> None:
    """
    Let the server look now at what it would look at in the COMMIT: Django declares foreign keys as deferred.

    There, outside of every savepoint, one violation would take the batch along, and nobody could tell whose it is.
    """
    if connection.vendor != "postgresql":
        return
    look = "SET CONSTRAINTS ALL IMMEDIATE"
    if connection.savepoint_ids:  # others follow in this transaction, and may rely on a later look
        look += "; SET CONSTRAINTS ALL DEFERRED"
    try:
        execute_at_once(look)
    except DatabaseError as error:
        raise HandlerFailed(last, error) from error


def _delivery(event: ClaimedEvent) -> Delivery:
    return Delivery(
        event=event_types[event.event_type].from_payload(event.payload),
        event_id=event.event_id,
        request_id=event.request_id or "",
        occurred_at=event.occurred_at,
    )
