"""Who carries what has to leave. The broker's courier is here; others are registered by the apps that own them."""

from __future__ import annotations

import logging
import random
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from django.db import DatabaseError, InterfaceError, connection

from outbox.outgoing import BROKER
from outbox.relay import metrics, queue
from outbox.relay.messages import message_of
from outbox.relay.port import BrokerAway, BrokerPublisher, Outcome
from outbox.relay.publishing import PublishingThread
from outbox.relay.queue import Leaving
from qhse import tracing

logger = logging.getLogger("outbox.relay")

BATCH = 500
"""Messages in flight: 10,000 a second against 6,800 with 100, where each waits for the disk of the broker."""
MOST_REFUSALS = 5
"""Refusals of one message by its own fault after which it is put aside, and those behind it pass."""
AWAY_CAP_SECONDS = 30.0
DECLINED_CAP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn did: rows that `moved`, and the seconds until the next one is worth while. None: nothing waits."""

    moved: int
    wait: float | None


class Courier(Protocol):
    """
    Carries one kind of channel. All is called from the relay's loop, on the session that holds the lanes.

    Nothing here waits for another system: threads of the courier do, and touch no database. So no courier keeps another
    waiting.
    """

    name: str

    def take_over(self, lanes: frozenset[int]) -> None:
        """Make ready what another relay may have left behind in these lanes."""

    def turn(self, lanes: frozenset[int]) -> Turn:
        """
        Store what came back, and hand out what can be sent from these lanes. It waits for nobody but the database.

        There may be no lanes. Raises what nobody foresaw in a thread.
        """

    def busy_lanes(self) -> frozenset[int]:
        """Return the lanes with a call in flight. They are not given away."""

    def descriptors(self) -> Collection[int]:
        """Return what becomes readable when a turn is worth while."""

    def stop(self, ends_at: float) -> None:
        """Let what is in flight end until that time of the monotonic clock, or a second, and store what came of it."""


_factories: list[Callable[[], Courier | None]] = []


def add_courier(factory: Callable[[], Courier | None]) -> None:
    """Register who carries something. The factory is called at the start of a relay; None: it has nothing to carry."""
    _factories.append(factory)


def all_couriers() -> list[Courier]:
    """Return a new courier of each registered kind that is configured."""
    return [courier for factory in _factories if (courier := factory()) is not None]


def traced(name: str, rows: Sequence[Leaving]) -> tracing.Span:
    """Return the span of sending these, to be entered. Each recorded event goes on in its own trace."""
    if not tracing.is_on():
        return tracing.NOTHING
    return tracing.call(
        name,
        [
            tracing.Cause(row.headers, str(row.headers.get("request_id", "")), _about(row))
            for row in rows
            if "traceparent" in row.headers
        ],
    )


def _about(row: Leaving) -> dict[str, str | int]:
    return {
        "messaging.message.id": str(row.event_id),
        "qhse.event_type": row.event_type,
        "qhse.aggregate_type": row.aggregate_type,
        "qhse.attempts": row.attempts,
    }


class BrokerCourier:
    """
    Carries events to the broker. A thread publishes, one batch at a time.

    While the broker is away nothing is counted against any event. It is tried again with a growing pause. What it
    declines waits for half of its age. What it refuses for its own sake is tried MOST_REFUSALS times, then put aside.

    What became of a batch is stored by the session that it was read in, or not at all: with another one, another relay
    may have had its lanes meanwhile. Its rows are then sent again. One that was broken off is stored as far as it came.
    """

    name = BROKER

    def __init__(self, publisher: BrokerPublisher) -> None:
        self._publisher = publisher
        self._thread = PublishingThread(publisher)
        self._in_flight: dict[int, Leaving] = {}
        self._session: object = None
        self._failures = 0
        self._away_until = 0.0
        self._batch = BATCH

    def take_over(self, lanes: frozenset[int]) -> None:
        queue.free(BROKER, lanes=lanes)

    def turn(self, lanes: frozenset[int]) -> Turn:
        moved = self._collect()
        if self._thread.is_busy or not lanes:
            return Turn(moved, None)
        left = self._away_until - time.monotonic()
        if left > 0:
            return Turn(moved, left)
        rows = queue.due(BROKER, lanes, self._batch)
        if not rows and not self._failures:
            return Turn(moved, queue.next_due_seconds(BROKER, lanes))
        # Empty after a failure: it asks whether the broker is back.
        self._in_flight, self._session = {row.row: row for row in rows}, connection.connection
        self._thread.publish([message_of(row) for row in rows], traced(f"send to {self._publisher.name}", rows))
        return Turn(moved, None)

    def busy_lanes(self) -> frozenset[int]:
        return frozenset(row.lane for row in self._in_flight.values())

    def descriptors(self) -> Collection[int]:
        return (self._thread.woken,)

    def stop(self, ends_at: float) -> None:
        self._thread.stop(ends_at)
        try:
            self._collect()
            # What a broker that still answers has taken until now. The process ends before it can say more.
            self._settle(self._in_flight, self._thread.taken_so_far())
        except (DatabaseError, InterfaceError) as error:
            logger.warning("what left last could not be stored, and is sent again: %s", str(error).strip()[:200])

    def _collect(self) -> int:
        """Store what became of the batch in flight, if that is known, and return its size."""
        moved = 0
        while report := self._thread.report():
            rows: dict[int, Leaving] = {}
            if report.batch:
                rows, self._in_flight = self._in_flight, {}
            outcome = report.batch.outcome if report.batch else Outcome()
            if report.away is None or outcome.known:  # it was there, and how often it failed before does not count
                self._back()
            if report.away is not None:
                self._is_away(report.away)
            moved += self._settle(rows, outcome)
        return moved

    def _settle(self, rows: dict[int, Leaving], outcome: Outcome) -> int:
        """Store what is known of these rows, and return of how many. Nothing in another session: see the class."""
        if connection.connection is self._session:
            self._store(rows, outcome)
            return outcome.known
        if rows:
            logger.warning("%d messages are sent again: the session that held their lanes is gone", len(rows))
        return 0

    def _store(self, rows: dict[int, Leaving], outcome: Outcome) -> None:
        taken = [rows[row] for row in outcome.taken]
        queue.has_left(taken)
        metrics.observe_sent(BROKER, [row.waited for row in taken])
        declined: dict[str, list[Leaving]] = defaultdict(list)
        for row, why in outcome.declined.items():
            declined[why].append(rows[row])
        for why, those in declined.items():
            waits = [min(DECLINED_CAP_SECONDS, max(1.0, row.waited / 2)) for row in those]
            queue.retry_later(those, why, waits, counted=False)
        if outcome.declined:
            metrics.REFUSED.labels(BROKER, "declined").inc(len(outcome.declined))
            logger.warning(
                "the broker declines %d messages, which are tried again: %s",
                len(outcome.declined), next(iter(outcome.declined.values())),
            )  # fmt: skip
        for row, why in outcome.refused.items():
            self._refused(rows[row], why)

    def _refused(self, row: Leaving, why: str) -> None:
        metrics.REFUSED.labels(BROKER, "refused").inc()
        extra = {"event_id": str(row.event_id), "event_type": row.event_type, "error": why[:200]}
        if row.attempts + 1 >= MOST_REFUSALS:
            queue.put_aside(row, why)
            logger.error("a message was put aside, and those behind it pass", extra=extra)
        else:
            queue.retry_later([row], why, [2.0**row.attempts], counted=True)
            logger.warning("the broker refuses a message", extra=extra)

    def _is_away(self, away: BrokerAway) -> None:
        self._failures += 1
        # One at a time when it is back: if a message ends the line each time, it is found.
        self._batch = 1
        ceiling = min(AWAY_CAP_SECONDS, 0.5 * 2.0 ** min(self._failures - 1, 16))
        seconds = ceiling * (0.5 + random.random() / 2)
        self._away_until = time.monotonic() + seconds
        metrics.BLOCKED.set(1)
        metrics.AWAY.inc()
        logger.warning("broker is away, trying again in %.1f s: %s", seconds, str(away)[:300])

    def _back(self) -> None:
        if self._failures:
            logger.info("broker is back", extra={"failures": self._failures})
        self._failures = 0
        self._batch = min(BATCH, self._batch * 4)
        metrics.BLOCKED.set(0)
