"""One batch: claim, handle, remember, mark, commit — a single transaction, so effects happen exactly once."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta

from django.db import DatabaseError, connection, transaction
from django.db.models import DurationField, Value
from django.db.models.functions import Now

from outbox.choices import EventStatus
from outbox.errors import UnretryableError
from outbox.events import event_types
from outbox.models import OutboxEvent, ProcessedEvent
from outbox.registry import Delivery, Handler, handlers_of
from outbox.retry import RetryPolicy, describe_error
from qhse.observability import context

logger = logging.getLogger("outbox")

# PostgreSQL keeps 64 subtransactions per backend in memory; beyond that, every other session's visibility
# checks go to disk.
REPLAY_LIMIT = 64
UNKNOWN_TYPE_DELAY_SECONDS = 60.0


class HandlerFailed(Exception):
    """A handler raised; `cause` is what it raised, which need not be an Exception (sys.exit raises SystemExit)."""

    def __init__(self, handler: Handler, cause: BaseException) -> None:
        super().__init__(f"{handler.name}: {cause!r}"[:500])
        self.handler = handler
        self.cause = cause


@dataclass(slots=True)
class BatchResult:
    """
    What one batch did with the events it locked.

    `blocked` ones were let go, because another worker holds an earlier event of their aggregate.
    """

    blocked: int = 0
    processed: int = 0
    retried: int = 0
    dead: int = 0
    parked: int = 0

    def __iadd__(self, other: BatchResult) -> BatchResult:
        for name in (item.name for item in fields(self)):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self

    @property
    def moved(self) -> int:
        """Return how many events changed their state: zero means that nothing could be done."""
        return self.processed + self.retried + self.dead + self.parked


@dataclass(frozen=True, slots=True)
class Claim:
    """Locked events in publication order. `unknown` have no event class in this version of the code."""

    events: list[OutboxEvent] = field(default_factory=list)
    unknown: list[OutboxEvent] = field(default_factory=list)
    blocked: list[OutboxEvent] = field(default_factory=list)


def dispatch_batch(*, limit: int, policy: RetryPolicy) -> BatchResult:
    """
    Handle up to `limit` due events and return what became of them; an all-zero result means nothing is due.

    The handlers' writes, the record that they ran and the mark on the event commit together or not at all, so a
    process killed anywhere leaves each event either handled once or untouched. When a handler raises, the batch
    is rolled back and its events are handled one at a time under savepoints: the one at fault is retried or
    dead, the others are unharmed.

    Raises OperationalError or InterfaceError when the database goes away; nothing of the batch has happened then,
    or all of it (a COMMIT whose answer was lost), and the next call finds out by the events' states.
    """
    try:
        return _dispatch_together(limit)
    except HandlerFailed as failure:
        logger.info("batch is handled one by one after a failure", extra={"handler": failure.handler.name})
    return _dispatch_one_by_one(min(limit, REPLAY_LIMIT), policy)


def _dispatch_together(limit: int) -> BatchResult:
    with transaction.atomic():
        claim = _claim(limit)
        _handle(claim.events)
        _mark_processed(claim.events)
        _park(claim.unknown)
        return BatchResult(blocked=len(claim.blocked), processed=len(claim.events), parked=len(claim.unknown))


def _dispatch_one_by_one(limit: int, policy: RetryPolicy) -> BatchResult:
    with transaction.atomic():
        claim = _claim(limit)
        result = BatchResult(blocked=len(claim.blocked), parked=len(claim.unknown))
        processed: list[OutboxEvent] = []
        held: set[tuple[str, str]] = set()
        for event in claim.events:
            if event.aggregate in held:
                continue
            try:
                with transaction.atomic():
                    _handle([event])
            except HandlerFailed as failure:
                _raise_if_disconnected(failure.cause)
                if _record_failure(event, failure, policy) == EventStatus.DEAD:
                    result.dead += 1
                else:
                    result.retried += 1
                    held.add(event.aggregate)
            else:
                processed.append(event)
        _mark_processed(processed)
        _park(claim.unknown)
        return replace(result, processed=len(processed))


def _claim(limit: int) -> Claim:
    """
    Lock due events, without those that would overtake an earlier one of their aggregate.

    `lock_next` passes over rows that another worker holds, and could so return the successor of a row which that
    worker is still handling. A second look, with a newer snapshot and while our own locks are held, finds every
    earlier event that is still pending: another worker holds it or has just put it back.
    """
    locked = OutboxEvent.objects.lock_next(limit)
    if not locked:
        return Claim()
    ids = [event.pk for event in locked]
    earlier = OutboxEvent.objects.pending_before(max(ids), {event.aggregate for event in locked}, ids)
    claim = Claim()
    for event in locked:
        first_pending = earlier.get(event.aggregate)
        if first_pending is not None and first_pending < event.pk:
            claim.blocked.append(event)
        elif event.event_type in event_types:
            claim.events.append(event)
        else:
            claim.unknown.append(event)
            earlier.setdefault(event.aggregate, event.pk)
    return claim


def _handle(events: Sequence[OutboxEvent]) -> None:
    """Run every handler on those of the events it has not handled yet, and remember that it did."""
    if not events:
        return
    already = set(
        ProcessedEvent.objects.filter(event_id__in=[event.event_id for event in events]).values_list(
            "event_id", "handler"
        )
    )
    handled: list[ProcessedEvent] = []
    for handler, todo in _by_handler(events):
        fresh = [event for event in todo if (event.event_id, handler.name) not in already]
        if handler.in_batches:
            _run(handler, fresh)
        else:
            for event in fresh:
                _run(handler, [event])
        handled += [ProcessedEvent(event_id=event.event_id, handler=handler.name) for event in fresh]
    if handled:
        _remember(handled, handler)


def _remember(handled: Sequence[ProcessedEvent], last: Handler) -> None:
    try:
        # A plain insert on purpose: should two workers ever hold one event, the second violates the primary key
        # and its effects are rolled back.
        ProcessedEvent.objects.bulk_create(handled)
    except DatabaseError as error:
        # A handler that swallowed a database error leaves an aborted transaction behind, which shows here.
        raise HandlerFailed(last, error) from error


def _by_handler(events: Iterable[OutboxEvent]) -> list[tuple[Handler, list[OutboxEvent]]]:
    groups: dict[str, tuple[Handler, list[OutboxEvent]]] = {}
    for event in events:
        for handler in handlers_of(event.event_type):
            groups.setdefault(handler.name, (handler, []))[1].append(event)
    return list(groups.values())


def _run(handler: Handler, events: Sequence[OutboxEvent]) -> None:
    if not events:
        return
    request_id = events[0].headers.get("request_id", "") if len(events) == 1 else ""
    with context.use(request_id=request_id, source="worker"):
        try:
            handler.run([_delivery(event) for event in events])
        except BaseException as error:
            # BaseException, because a handler that calls sys.exit() must be counted as one that failed and must
            # not end the worker. Signals never arrive as exceptions here: the worker's handlers only set a flag.
            raise HandlerFailed(handler, error) from error


def _delivery(event: OutboxEvent) -> Delivery:
    return Delivery(
        event=event_types[event.event_type].from_payload(event.payload),
        event_id=event.event_id,
        request_id=event.headers.get("request_id", ""),
        occurred_at=event.occurred_at,
    )


def _mark_processed(events: Sequence[OutboxEvent]) -> None:
    if events:
        OutboxEvent.objects.filter(pk__in=[event.pk for event in events]).update(
            status=EventStatus.PROCESSED, processed_at=Now()
        )


def _park(events: Sequence[OutboxEvent]) -> None:
    """
    Put events of unknown types off without counting an attempt.

    They were published by a newer version, or by one since rolled back; the code that knows them will come.
    """
    if events:
        names = ", ".join(sorted({event.event_type for event in events}))
        logger.warning("no event class for %s; parked", names)
        OutboxEvent.objects.filter(pk__in=[event.pk for event in events]).update(
            next_attempt_at=_in_seconds(UNKNOWN_TYPE_DELAY_SECONDS),
            last_error="This version of the code has no class for this event type; waiting for one that has.",
        )


def _record_failure(event: OutboxEvent, failure: HandlerFailed, policy: RetryPolicy) -> EventStatus:
    attempts = event.attempts + 1
    dead = isinstance(failure.cause, UnretryableError) or policy.is_exhausted(attempts)
    status = EventStatus.DEAD if dead else EventStatus.PENDING
    OutboxEvent.objects.filter(pk=event.pk).update(
        status=status,
        attempts=attempts,
        last_error=f"[{failure.handler.name}] {describe_error(failure.cause)}",
        next_attempt_at=_in_seconds(0 if dead else policy.delay_seconds(attempts)),
    )
    logger.log(
        logging.ERROR if dead else logging.WARNING,
        "event is dead" if dead else "event will be retried",
        extra={
            "event_id": str(event.event_id),
            "event_type": event.event_type,
            "handler": failure.handler.name,
            "attempts": attempts,
            "error": repr(failure.cause)[:200],
        },
    )
    return status


def _in_seconds(seconds: float) -> object:
    return Now() + Value(timedelta(seconds=seconds), output_field=DurationField())


def _raise_if_disconnected(error: BaseException) -> None:
    """Tell a handler's own database error (a deadlock, a violated constraint) from a lost connection."""
    if connection.connection is None or getattr(connection.connection, "closed", False):
        raise error
