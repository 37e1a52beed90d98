"""
The work of one transaction on the events that it has claimed. They are handled together if possible, else one by one.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from django.db import OperationalError, transaction

from outbox.engine.claimed import Claim, ClaimedEvent
from outbox.engine.delivery import HandlerFailed
from outbox.engine.equipment import Equipment
from outbox.engine.failures import is_of_the_database, park, record_failure
from outbox.engine.result import BatchResult
from outbox.engine.retry import brief
from outbox.engine.statements import mark_processed
from outbox.errors import VanishedWorker
from outbox.events import event_types
from outbox.guards.in_hand import Suspicion
from outbox.guards.session import settle_session
from outbox.tuning import REPLAY_LIMIT


class OutOfTime(Exception):
    """A batch's handlers take longer than a transaction should last."""


class Batch:
    """What is done in one transaction. The outcome stands in `result`, `processed` and `decided` (row ids)."""

    def __init__(self, equipment: Equipment, claimed: Claim, *, ends_at: float) -> None:
        self.result = BatchResult(held_by_others=claimed.held_by_others, next_due_seconds=claimed.next_due_seconds)
        self.processed: list[ClaimedEvent] = []
        self.decided: set[int] = set()
        self._equipment = equipment
        self._ends_at = ends_at
        self._claimed_at = claimed.at
        self._unknown, self._events = _without_unknown(claimed.events)

    def run(self, *, singly: bool) -> None:
        park(self._unknown)
        self.result.parked = len(self._unknown)
        suspicion = self._note(self._events) if self._events else Suspicion()
        if suspicion.at_fault:
            self._count_vanished(suspicion.at_fault)
        elif suspicion.suspects:
            self._one_suspect(suspicion.suspects)
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
        """Return the ages of the processed events in seconds. An age runs from the publication to the claim."""
        at = self._claimed_at
        return [(at - event.occurred_at).total_seconds() for event in self.processed] if at else []

    def _note(self, events: Sequence[ClaimedEvent], *, alone: bool = False) -> Suspicion:
        return self._equipment.note.write([(event.pk, event.stamp) for event in events], alone=alone)

    def _together(self, events: Sequence[ClaimedEvent]) -> None:
        self._equipment.runner.run(events, between_calls=self._check_time)
        self._mark(events)

    def _check_time(self) -> None:
        self._equipment.beat()
        if time.monotonic() > self._ends_at:
            raise OutOfTime

    def _one_by_one(self, events: Sequence[ClaimedEvent]) -> None:
        held_back: set[tuple[str, str]] = set()
        doubtful: list[tuple[ClaimedEvent, HandlerFailed]] = []
        for event in events:
            if event.aggregate in held_back:
                continue
            self._equipment.beat()
            try:
                with transaction.atomic():
                    self._equipment.runner.run([event], between_calls=self._equipment.beat)
                    # Here and not once at the end: whatever state the handler has left its transaction in, only
                    # its own event can fail by it.
                    self._mark([event])
            except HandlerFailed as failure:
                settle_session()  # a rollback to a savepoint takes back all but the locks of the session
                if is_of_the_database(failure.cause):
                    doubtful.append((event, failure))
                    held_back.add(event.aggregate)
                elif self._count(event, failure.cause, failure.handler.name):
                    held_back.add(event.aggregate)
            if time.monotonic() > self._ends_at:
                break
        self._settle(doubtful)

    def _settle(self, doubtful: Sequence[tuple[ClaimedEvent, HandlerFailed]]) -> None:
        """
        Decide who is at fault for a full disk or too many connections. It is the database or the handlers.

        A handler can fill the disk by itself, with a sort that spills. That space is free again at the rollback. If
        others could write in the same transaction, it was the handler. Then the failure is counted.
        """
        for event, failure in doubtful:
            if not self.processed:
                raise OperationalError(f"the database cannot work: {brief(failure.cause)}") from failure.cause
            self._count(event, failure.cause, failure.handler.name)

    def _one_suspect(self, suspects: set[int]) -> None:
        """
        Handle one event that may kill this process. It is noted as the only one in hand. So it is alone at fault.

        The first of its aggregate is taken, to keep the order. The others have their turn in the next batches. So
        something is committed between frequent deaths.
        """
        aggregates = {event.aggregate for event in self._events if event.pk in suspects}
        first = next(event for event in self._events if event.aggregate in aggregates)
        self._note([first], alone=True)
        self._one_by_one([first])

    def _count_vanished(self, at_fault: dict[int, str]) -> None:
        for event in self._events:
            if event.pk in at_fault:
                error = VanishedWorker(
                    f"{at_fault[event.pk]} vanished while it handled this event and no other: its process ended, "
                    "or its connection did."
                )
                self._count(event, error, "worker")

    def _count(self, event: ClaimedEvent, cause: BaseException, where: str) -> bool:
        self.decided.add(event.pk)
        will_retry = record_failure(event, cause, where=where, policy=self._equipment.policy)
        self.result.retried += will_retry
        self.result.dead += not will_retry
        return will_retry

    def _mark(self, events: Sequence[ClaimedEvent]) -> None:
        if events:
            mark_processed([event.pk for event in events])
            self.processed += events
            self.decided |= {event.pk for event in events}


def _without_unknown(events: list[ClaimedEvent]) -> tuple[list[ClaimedEvent], list[ClaimedEvent]]:
    """
    Return the events of types that this code does not know, and the known ones. A known event behind an unknown one of
    its aggregate is left out.
    """
    unknown = [event for event in events if event.event_type not in event_types]
    first_unknown = {event.aggregate: event.pk for event in reversed(unknown)}
    if unknown:
        events = [event for event in events if event.pk < first_unknown.get(event.aggregate, event.pk + 1)]
    return unknown, events
