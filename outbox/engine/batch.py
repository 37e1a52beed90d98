"""
The work of one transaction on the events that it has claimed. They are handled together if possible, else one by one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from django.db import transaction

from outbox.engine.claimed import Claim, ClaimedEvent
from outbox.engine.delivery import HandlerFailed, HandlerRunner, blaming
from outbox.engine.failures import Fault, blame, put_off, record_failure
from outbox.engine.result import BatchResult
from outbox.engine.retry import RetryPolicy, brief
from outbox.engine.statements import mark_processed
from outbox.errors import VanishedWorker
from outbox.events import event_types
from outbox.guards.in_hand import InHandNote
from outbox.guards.session import settle_session
from outbox.guards.transaction import is_whole
from outbox.tuning import PARK_SECONDS, REPLAY_LIMIT

UNKNOWN = "This version of the code has no class for this event type or its schema_version; waiting for one that has."


class OutOfTime(Exception):
    """A batch's handlers take longer than a transaction should last."""


class Batch:
    """
    What is done in one transaction. The outcome stands in `result`, `processed` and `decided` (row ids).

    What the database did not let be handled is `starved`. `beat` comes between handler calls: a sign of life, and the
    next call's time.
    """

    def __init__(
        self,
        claimed: Claim,
        *,
        policy: RetryPolicy,
        runner: HandlerRunner,
        note: InHandNote,
        beat: Callable[[], None],
        ends_at: float,
    ) -> None:
        self.result = BatchResult(held_by_others=claimed.held_by_others, next_due_seconds=claimed.next_due_seconds)
        self.processed: list[ClaimedEvent] = []
        self.decided: set[int] = set()
        self.starved: HandlerFailed | None = None
        self._policy = policy
        self._runner = runner
        self._note = note
        self._beat = beat
        self._ends_at = ends_at
        self._claimed_at = claimed.at
        self._unknown, self._events = _without_unknown(claimed.events)

    def run(self, *, singly: bool) -> None:
        self._put_off(self._unknown, PARK_SECONDS, UNKNOWN)
        suspects, at_fault = self._write_note(self._events) if self._events else (set(), {})
        if at_fault:
            self._count_vanished(at_fault)
        elif suspects:
            self._one_suspect(suspects)
        elif singly:
            self._one_by_one(self._events)
        else:
            # What failed before may well fail again: under a savepoint at once, it costs the others no replay.
            failed_before = {event.aggregate for event in self._events if event.attempts}
            self._one_by_one([event for event in self._events if event.aggregate in failed_before][:REPLAY_LIMIT])
            if not failed_before or time.monotonic() < self._ends_at:
                self._together([event for event in self._events if event.aggregate not in failed_before])
        self.result.processed = len(self.processed)

    def waits(self) -> list[float]:
        """Return the ages of the processed events in seconds. An age runs from the publication to the claim."""
        at = self._claimed_at
        return [(at - event.occurred_at).total_seconds() for event in self.processed] if at else []

    def _write_note(self, events: Sequence[ClaimedEvent], *, alone: bool = False) -> tuple[set[int], dict[int, str]]:
        return self._note.write([(event.pk, event.stamp) for event in events], alone=alone)

    def _together(self, events: Sequence[ClaimedEvent]) -> None:
        if events:
            with blaming(events):
                self._handle(events, self._check_time)
            self._take_as_processed(events)

    def _check_time(self) -> None:
        self._beat()
        if time.monotonic() > self._ends_at:
            raise OutOfTime

    def _one_by_one(self, events: Sequence[ClaimedEvent]) -> None:
        held_back: set[tuple[str, str]] = set()
        for event in events:
            if event.aggregate in held_back:
                continue
            self._beat()
            if (failed := self._alone(event)) and self._has_to_wait(event, failed):
                held_back.add(event.aggregate)
            if time.monotonic() > self._ends_at:
                break

    def _alone(self, event: ClaimedEvent) -> HandlerFailed | None:
        """Handle it under a savepoint, and return its failure. Raise that if it has ended the transaction of all."""
        try:
            # Marked here and not once at the end: whatever state the handler has left its transaction in, only its own
            # event can fail by it.
            with blaming([event]), transaction.atomic():
                self._handle([event], self._beat)
        except HandlerFailed as failed:
            failed.event = event
            if not is_whole():
                raise
            settle_session()  # a rollback to a savepoint takes back all but the locks of the session
            return failed
        self._take_as_processed([event])
        return None

    def _handle(self, events: Sequence[ClaimedEvent], between_calls: Callable[[], None]) -> None:
        self._runner.run(events, between_calls=between_calls)
        mark_processed([event.pk for event in events])

    def _take_as_processed(self, events: Sequence[ClaimedEvent]) -> None:
        self.processed += events
        self.decided |= {event.pk for event in events}

    def _one_suspect(self, suspects: set[int]) -> None:
        """
        Handle one event that may kill this process. It is noted as the only one in hand. So it is alone at fault.

        The first of its aggregate is taken, to keep the order. The others have their turn in the next batches. So
        something is committed between frequent deaths.
        """
        aggregates = {event.aggregate for event in self._events if event.pk in suspects}
        first = next(event for event in self._events if event.aggregate in aggregates)
        self._write_note([first], alone=True)
        self._one_by_one([first])

    def _count_vanished(self, at_fault: dict[int, str]) -> None:
        for event in self._events:
            if event.pk in at_fault:
                error = VanishedWorker(
                    f"{at_fault[event.pk]} vanished while it handled this event and no other: its process ended, "
                    "or its connection did."
                )
                self._count(event, HandlerFailed(error, where="worker", in_handler=True))

    def _has_to_wait(self, event: ClaimedEvent, failed: HandlerFailed) -> bool:
        """Count the failure, unless it is the database's. Return whether the event is tried again."""
        if blame(failed.cause, in_handler=failed.in_handler) is not Fault.DATABASE:
            return self._count(event, failed)
        self.starved = failed
        because = f"Waiting for the database, uncounted. [{failed.where}] {brief(failed.cause)}"
        self._put_off([event], self._policy.delay_seconds(1), because)
        return True

    def _count(self, event: ClaimedEvent, failed: HandlerFailed) -> bool:
        self.decided.add(event.pk)
        will_retry = record_failure(event, failed.cause, where=failed.where, policy=self._policy)
        self.result.retried += will_retry
        self.result.dead += not will_retry
        return will_retry

    def _put_off(self, events: Sequence[ClaimedEvent], seconds: float, because: str) -> None:
        if events:
            put_off(events, seconds=seconds, because=because)
            self.result.parked += len(events)


def _without_unknown(events: list[ClaimedEvent]) -> tuple[list[ClaimedEvent], list[ClaimedEvent]]:
    """
    Return the events that this code does not know, and the known ones. Their type is unknown, or their version newer.

    A known event behind an unknown one of its aggregate is left out.
    """
    unknown = [event for event in events if not _is_known(event)]
    first_unknown = {event.aggregate: event.pk for event in reversed(unknown)}
    if unknown:
        events = [event for event in events if event.pk < first_unknown.get(event.aggregate, event.pk + 1)]
    return unknown, events


def _is_known(event: ClaimedEvent) -> bool:
    event_class = event_types.get(event.event_type)
    return event_class is not None and event.schema_version <= event_class.schema_version
