"""Who carries what has to leave. The broker's courier is here; others are registered by the apps that own them."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from outbox.outgoing import BROKER
from outbox.relay import metrics, queue
from outbox.relay.messages import message_of
from outbox.relay.port import BrokerAway, BrokerPublisher, Outcome
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
    """Carries one kind of channel. All is called from the relay's one thread, on the session that holds the lanes."""

    name: str

    def take_over(self, lanes: frozenset[int]) -> None:
        """Make ready what another relay may have left behind in these lanes."""

    def turn(self, lanes: frozenset[int]) -> Turn:
        """Send what can be sent from these lanes, and store what came back. It returns within seconds."""

    def busy_lanes(self) -> frozenset[int]:
        """Return the lanes with a call in flight. They are not given away."""

    def descriptors(self) -> Collection[int]:
        """Return what becomes readable when a turn is worth while."""

    def wait(self, seconds: float, wake: Collection[int]) -> bool:
        """Serve the line for so long or until a descriptor is readable. False: there is none to serve."""

    def stop(self) -> None:
        """End what is in flight, in bounded time."""


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
    Carries events to the broker.

    While the broker is away nothing is counted against any event. It is tried again with a growing pause. What it
    declines waits for half of its age. What it refuses for its own sake is tried MOST_REFUSALS times, then put aside.
    """

    name = BROKER

    def __init__(self, publisher: BrokerPublisher) -> None:
        self._publisher = publisher
        self._failures = 0
        self._away_until = 0.0
        self._batch = BATCH

    def take_over(self, lanes: frozenset[int]) -> None:
        queue.free(BROKER, lanes=lanes)

    def turn(self, lanes: frozenset[int]) -> Turn:
        left = self._away_until - time.monotonic()
        if left > 0:
            return Turn(0, left)
        rows = queue.due(BROKER, lanes, self._batch)
        if not rows:
            return Turn(0, queue.next_due_seconds(BROKER, lanes))
        try:
            with traced(f"send to {self._publisher.name}", rows):
                outcome = self._publisher.publish([message_of(row) for row in rows])
        except BrokerAway as away:
            return Turn(0, self._is_away(away))
        self._back()
        self._store({row.row: row for row in rows}, outcome)
        return Turn(len(rows), 0.0)

    def busy_lanes(self) -> frozenset[int]:
        return frozenset()  # a turn ends with nothing in flight

    def descriptors(self) -> Collection[int]:
        return ()

    def wait(self, seconds: float, wake: Collection[int]) -> bool:
        if self._away_until > time.monotonic():
            return False
        try:
            self._publisher.wait(seconds, wake)
        except BrokerAway as away:
            self._is_away(away)
        return True

    def stop(self) -> None:
        self._publisher.close()

    def _store(self, rows: dict[int, Leaving], outcome: Outcome) -> None:
        taken = [rows[row] for row in outcome.taken]
        queue.has_left(taken)
        metrics.observe_sent(BROKER, [row.waited for row in taken])
        for row, why in outcome.declined.items():
            seconds = min(DECLINED_CAP_SECONDS, max(1.0, rows[row].waited / 2))
            queue.retry_later([rows[row]], why, seconds, counted=False)
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
            queue.retry_later([row], why, 2.0**row.attempts, counted=True)
            logger.warning("the broker refuses a message", extra=extra)

    def _is_away(self, away: BrokerAway) -> float:
        self._failures += 1
        # One at a time when it is back: if a message ends the line each time, it is found.
        self._batch = 1
        ceiling = min(AWAY_CAP_SECONDS, 0.5 * 2.0 ** min(self._failures - 1, 16))
        seconds = ceiling * (0.5 + random.random() / 2)
        self._away_until = time.monotonic() + seconds
        metrics.BLOCKED.set(1)
        metrics.AWAY.inc()
        logger.warning("broker is away, trying again in %.1f s: %s", seconds, str(away)[:300])
        return seconds

    def _back(self) -> None:
        if self._failures:
            logger.info("broker is back", extra={"failures": self._failures})
        self._failures = 0
        self._batch = min(BATCH, self._batch * 4)
        metrics.BLOCKED.set(0)
