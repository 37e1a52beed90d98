"""The work of one transaction on the events that it has claimed: together where that goes, else one by one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now

from outbox.choices import EventStatus
from outbox.engine.claim import Claim, ClaimedEvent
from outbox.engine.delivery import HandlerFailed
from outbox.engine.failures import is_of_the_database, park, record_failure
from outbox.engine.prepared import array_literal, prepared_cursor
from outbox.engine.retry import brief
from outbox.errors import VanishedWorker
from outbox.events import event_types
from outbox.guards.in_hand import Suspicion
from outbox.guards.session import reset_settings
from outbox.models import OutboxEvent

if TYPE_CHECKING:
    from outbox.engine.dispatcher import Dispatcher

# PostgreSQL keeps 64 subtransactions per backend in memory; beyond that, every other session's visibility
# checks go to disk.
REPLAY_LIMIT = 64
ALONE_SECONDS = 0.1


class NotTogether(Exception):
    """A batch has to be done again one event at a time, for another reason than a failed handler."""


class OutOfTime(NotTogether):
    """The handlers of a batch take longer than a transaction should last."""


@dataclass(slots=True)
class BatchResult:
    """
    What one batch did with the events it locked.

    `blocked` counts due events that it could not have, because another worker holds their aggregate.
    """

    blocked: int = 0
    processed: int = 0
    retried: int = 0
    dead: int = 0
    parked: int = 0
    next_due_seconds: float | None = None

    def __iadd__(self, other: BatchResult) -> BatchResult:
        for name in (item.name for item in fields(self) if item.name != "next_due_seconds"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.next_due_seconds = other.next_due_seconds
        return self

    @property
    def moved(self) -> int:
        """Return how many events changed their state: zero means that nothing could be done."""
        return self.processed + self.retried + self.dead + self.parked


class Batch:
    """What a dispatcher does in one transaction; `result`, `processed` and `decided` (row ids) tell what came of it."""

    def __init__(self, owner: Dispatcher, claimed: Claim, *, ends_at: float) -> None:
        self.result = BatchResult(blocked=claimed.contended, next_due_seconds=claimed.next_due_seconds)
        self.processed: list[ClaimedEvent] = []
        self.decided: set[int] = set()
        self._owner = owner
        self._ends_at = ends_at
        self._claimed_at = claimed.at
        self._unknown = [event for event in claimed.events if event.event_type not in event_types]
        self._events = claimed.events
        if self._unknown:
            behind_unknown = {event.aggregate: event.pk for event in reversed(self._unknown)}
            self._events = [
                event for event in claimed.events if event.pk < behind_unknown.get(event.aggregate, event.pk + 1)
            ]

    def run(self, *, singly: bool) -> None:
        park(self._unknown)
        self.result.parked = len(self._unknown)
        suspicion = self._note(self._events)
        if suspicion.at_fault:
            self._count_vanished(suspicion.at_fault)
        elif suspicion.suspects:
            self._alone(suspicion.suspects)
        elif singly:
            self._one_by_one(self._events)
        else:
            # What failed before may well fail again: under a savepoint at once, it costs the others no replay.
            failed_before = {event.aggregate for event in self._events if event.attempts}
            if not failed_before:
                self._together(self._events)
            else:
                self._together([event for event in self._events if event.aggregate not in failed_before])
                self._one_by_one([event for event in self._events if event.aggregate in failed_before][:REPLAY_LIMIT])
        self.result.processed = len(self.processed)

    def waits(self) -> list[float]:
        """Return how many seconds ago the processed events had been published when they were claimed."""
        at = self._claimed_at
        return [(at - event.occurred_at).total_seconds() for event in self.processed] if at else []

    def _note(self, events: Sequence[ClaimedEvent], *, alone: bool = False) -> Suspicion:
        if self._owner.in_hand is None or not events:
            return Suspicion()
        return self._owner.in_hand.write(events, alone=alone)

    def _together(self, events: list[ClaimedEvent]) -> None:
        self._owner.courier.deliver(events, between_calls=self._check_time)
        if self._owner.watch.touched:
            raise NotTogether("a handler changed its session")
        self._mark(events)

    def _check_time(self) -> None:
        self._owner.beat()
        if time.monotonic() > self._ends_at:
            raise OutOfTime

    def _one_by_one(self, events: Sequence[ClaimedEvent], *, noted: bool = False) -> None:
        held: set[tuple[str, str]] = set()
        doubtful: list[tuple[ClaimedEvent, HandlerFailed]] = []
        ends_at = min(self._ends_at, time.monotonic() + ALONE_SECONDS) if noted else self._ends_at
        for event in events:
            if event.aggregate in held:
                continue
            self._owner.beat()
            if noted:
                self._note([event], alone=True)
            try:
                with transaction.atomic():
                    self._owner.courier.deliver([event])
                    if self._owner.watch.touched:
                        reset_settings()
                    # Here and not once at the end: whatever state the handler has left its transaction in, only
                    # its own event can fail by it.
                    self._mark([event])
            except HandlerFailed as failure:
                self._owner.raise_if_lost(failure.cause)
                if is_of_the_database(failure.cause):
                    doubtful.append((event, failure))
                    held.add(event.aggregate)
                elif self._count(event, failure.cause, failure.handler.name) == EventStatus.PENDING:
                    held.add(event.aggregate)
            if self._owner.watch.touched or time.monotonic() > ends_at:
                break
        self._settle(doubtful)

    def _settle(self, doubtful: Sequence[tuple[ClaimedEvent, HandlerFailed]]) -> None:
        """
        Decide whether the database or the handlers are at fault for a full disk or too many connections.

        A handler can fill the disk by itself, with a sort that spills, and that space is free again at the rollback.
        Where others could write in the same transaction, it was the handler, and it is counted.
        """
        for event, failure in doubtful:
            if not self.processed:
                raise OperationalError(f"the database cannot work: {brief(failure.cause)}") from failure.cause
            self._count(event, failure.cause, failure.handler.name)

    def _alone(self, suspects: frozenset[int]) -> None:
        """Handle events that may kill this process, each noted as the only one in hand, and so alone at fault."""
        # Several in one transaction, because an abort undoes them all but blames one; and not for long, so that
        # something is committed between frequent outages.
        aggregates = {event.aggregate for event in self._events if event.pk in suspects}
        self._one_by_one([event for event in self._events if event.aggregate in aggregates], noted=True)

    def _count_vanished(self, at_fault: dict[int, str]) -> None:
        for event in self._events:
            if event.pk in at_fault:
                error = VanishedWorker(
                    f"{at_fault[event.pk]} vanished while it handled this event and no other: its process ended, "
                    "or its connection did."
                )
                self._count(event, error, "worker")

    def _count(self, event: ClaimedEvent, cause: BaseException, where: str) -> EventStatus:
        self.decided.add(event.pk)
        status = record_failure(event, cause, where=where, policy=self._owner.policy)
        if status == EventStatus.DEAD:
            self.result.dead += 1
        else:
            self.result.retried += 1
        return status

    def _mark(self, events: Sequence[ClaimedEvent]) -> None:
        if events:
            _mark_processed([event.pk for event in events])
            self.processed += events
            self.decided |= {event.pk for event in events}


def _mark_processed(ids: list[int]) -> None:
    if connection.vendor != "postgresql":
        OutboxEvent.objects.filter(pk__in=ids).update(status=EventStatus.PROCESSED, processed_at=Now())
        return
    with prepared_cursor() as cursor:
        cursor.execute(
            "UPDATE outbox_outboxevent SET status = %s, processed_at = statement_timestamp() WHERE id = ANY(%s)",
            [EventStatus.PROCESSED.value, array_literal(ids)],
        )
