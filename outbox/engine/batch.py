"""
The work of one transaction on the events that it has claimed. They are handled together if possible, else one by one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.db import transaction

from outbox.engine.claimed import Claim, ClaimedEvent
from outbox.engine.delivery import HandlerFailed, HandlerRunner, blaming
from outbox.engine.failures import Fault, blame, put_off, record_failure
from outbox.engine.result import BatchResult
from outbox.engine.retry import RetryPolicy, brief
from outbox.errors import VanishedWorker
from outbox.events import event_types
from outbox.guards.in_hand import InHandNote
from outbox.guards.session import settle_session
from outbox.guards.transaction import is_whole
from outbox.tuning import PARK_SECONDS, REPLAY_LIMIT

UNKNOWN = "This version of the code has no class for this event type or its schema_version; waiting for one that has."
_VANISHED = "while it handled this event and no other: its process ended, or its connection did."


class OutOfTime(Exception):
    """A batch's handlers take longer than a transaction should last."""


@dataclass(slots=True)
class Batch:
    """
    What is done in one transaction. Processed, retried and dead events are `decided` (row ids).

    What the database did not let be handled is `starved`. `beat` comes between handler calls: a sign of life, and the
    next call's time.
    """

    claimed: Claim
    policy: RetryPolicy
    runner: HandlerRunner
    note: InHandNote
    beat: Callable[[], None]
    ends_at: float
    result: BatchResult = field(default_factory=BatchResult)
    waits: list[float] = field(default_factory=list)  # seconds from the publication of what is processed to its claim
    decided: set[int] = field(default_factory=set)
    starved: HandlerFailed | None = None

    def run(self, *, singly: bool) -> None:
        self.result.held_by_others = self.claimed.held_by_others
        self.result.next_due_seconds = self.claimed.next_due_seconds
        unknown, events = _without_unknown(self.claimed.events)
        self._put_off(unknown, PARK_SECONDS, UNKNOWN)
        suspects, at_fault = self._write_note(events) if events else (set(), {})
        if at_fault:
            for event in events:
                if event.pk in at_fault:
                    vanished = VanishedWorker(f"{at_fault[event.pk]} vanished {_VANISHED}")
                    self._count(event, HandlerFailed(vanished, where="worker", in_handler=True))
        elif suspects:
            # The first of its aggregate, to keep the order. It is noted as the only one in hand, so it is alone at
            # fault if it ends this process. The others have their turn in the next batches. So something is committed
            # between frequent deaths.
            aggregates = {event.aggregate for event in events if event.pk in suspects}
            first = next(event for event in events if event.aggregate in aggregates)
            self._write_note([first], alone=True)
            self._one_by_one([first])
        elif singly:
            self._one_by_one(events)
        else:
            # What failed before may well fail again: under a savepoint at once, it costs the others no replay.
            failed_before = {event.aggregate for event in events if event.attempts}
            self._one_by_one([event for event in events if event.aggregate in failed_before][:REPLAY_LIMIT])
            if not failed_before or time.monotonic() < self.ends_at:
                self._together([event for event in events if event.aggregate not in failed_before])

    def _write_note(self, events: Sequence[ClaimedEvent], *, alone: bool = False) -> tuple[set[int], dict[int, str]]:
        return self.note.write([(event.pk, event.stamp) for event in events], alone=alone)

    def _together(self, events: Sequence[ClaimedEvent]) -> None:
        if events:
            with blaming(events):
                self.runner.run(events, between_calls=self._check_time)
            self._take_as_processed(events)

    def _check_time(self) -> None:
        self.beat()
        if time.monotonic() > self.ends_at:
            raise OutOfTime

    def _one_by_one(self, events: Sequence[ClaimedEvent]) -> None:
        held_back: set[tuple[str, str]] = set()
        for event in events:
            if event.aggregate in held_back:
                continue
            self.beat()
            if (failed := self._alone(event)) and self._has_to_wait(event, failed):
                held_back.add(event.aggregate)
            if time.monotonic() > self.ends_at:
                break

    def _alone(self, event: ClaimedEvent) -> HandlerFailed | None:
        """Handle it under a savepoint, and return its failure. Raise that if it has ended the transaction of all."""
        try:
            # Marked here and not once at the end: whatever state the handler has left its transaction in, only its own
            # event can fail by it.
            with blaming([event]), transaction.atomic():
                self.runner.run([event], between_calls=self.beat)
        except HandlerFailed as failed:
            failed.event = event
            if not is_whole():
                raise
            settle_session()  # a rollback to a savepoint takes back all but the locks of the session
            return failed
        self._take_as_processed([event])
        return None

    def _take_as_processed(self, events: Sequence[ClaimedEvent]) -> None:
        self.result.processed += len(events)
        self.decided |= {event.pk for event in events}
        self.waits += [(self.claimed.at - event.occurred_at).total_seconds() for event in events if self.claimed.at]

    def _has_to_wait(self, event: ClaimedEvent, failed: HandlerFailed) -> bool:
        """Count the failure, unless it is the database's. Return whether the event is tried again."""
        if blame(failed.cause, in_handler=failed.in_handler) is not Fault.DATABASE:
            return self._count(event, failed)
        self.starved = failed
        because = f"Waiting for the database, uncounted. [{failed.where}] {brief(failed.cause)}"
        self._put_off([event], self.policy.delay_seconds(1), because)
        return True

    def _count(self, event: ClaimedEvent, failed: HandlerFailed) -> bool:
        self.decided.add(event.pk)
        will_retry = record_failure(event, failed.cause, where=failed.where, policy=self.policy)
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
