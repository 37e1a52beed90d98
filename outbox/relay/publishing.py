"""The thread of a broker's publisher: whatever the broker does, the relay's loop turns on."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import NamedTuple

from outbox.relay.messages import Message
from outbox.relay.port import BrokerAway, BrokerPublisher, Outcome
from qhse import tracing

SERVE_SECONDS = 60.0
"""Longest wait of an idle line in one piece. A batch ends it earlier."""
CLOSE_SECONDS = 1.0
"""For the line to end in good order when nothing else is left of the time to stop."""
STUCK_SECONDS = 60.0
"""A publisher that has learnt nothing new for so long never will: it waits less than that between two answers."""


class PublisherIsStuck(RuntimeError):
    """The client of the broker does not come back. Only a new process has another."""


class Batch(NamedTuple):
    """Messages that go out together, in a span, and what is known of them. The publisher's thread writes that."""

    messages: Sequence[Message]
    span: tracing.Span
    outcome: Outcome


class Report(NamedTuple):
    """
    What came of a batch. Without one: the line was lost while it was idle. `away` is why it was broken off, if it was.
    What its outcome holds is true all the same.
    """

    batch: Batch | None
    away: BrokerAway | None


class PublishingThread:
    """
    Publishes one batch at a time, and serves the line between. It touches no database.

    No other thread touches the publisher: neither client is made for two. After BrokerAway the line is left alone until
    the next batch comes: its sender knows how long to pause.
    """

    def __init__(self, publisher: BrokerPublisher) -> None:
        self._publisher = publisher
        self._batches: SimpleQueue[Batch | None] = SimpleQueue()
        self._reports: SimpleQueue[Report | BaseException] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_away = False
        self._in_hand: Batch | None = None
        self._known = 0
        self._heard_at = 0.0
        self._called, self._call_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.woken, self._wake_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    @property
    def is_busy(self) -> bool:
        return self._in_hand is not None

    def publish(self, messages: Sequence[Message], span: tracing.Span) -> None:
        """Hand a batch over, and return at once. `woken` becomes readable when its report is there."""
        self._in_hand, self._known, self._heard_at = Batch(messages, span, Outcome()), 0, time.monotonic()
        self._hand_over(self._in_hand)
        if self._thread is None:
            # A daemon: a broker that hangs must not keep the process from ending.
            self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
            self._thread.start()

    def report(self) -> Report | None:
        """
        Return the next report that is there.

        Raises what nobody foresaw in the thread, and PublisherIsStuck: both end the relay, and another one is started.
        """
        with suppress(BlockingIOError):
            os.read(self.woken, 4_096)
        try:
            report = self._reports.get_nowait()
        except Empty:
            self._demand_news()
            return None
        if isinstance(report, BaseException):
            raise report
        if report.batch:
            self._in_hand = None
        return report

    def taken_so_far(self) -> Outcome:
        """Return what the broker has taken of the batch in hand. The rest may follow at any time."""
        return Outcome(taken=list(self._in_hand.outcome.taken) if self._in_hand else [])

    def stop(self, ends_at: float) -> None:
        """Let the batch in hand and the line end, until that time of the monotonic clock."""
        if self._thread is not None:
            self._hand_over(None)
            self._thread.join(max(CLOSE_SECONDS, ends_at - time.monotonic()))

    def _demand_news(self) -> None:
        if self._in_hand is None:
            return
        if self._known != (known := self._in_hand.outcome.known):  # a slow broker is no stuck one
            self._known, self._heard_at = known, time.monotonic()
        if time.monotonic() - self._heard_at > STUCK_SECONDS:
            raise PublisherIsStuck(f"{self._publisher.name} has not come back for {STUCK_SECONDS:.0f} s")

    def _hand_over(self, batch: Batch | None) -> None:
        self._batches.put(batch)
        _wake(self._call_end)

    # --- In the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            try:
                while (batch := self._next()) is not None:
                    self._tell(Report(batch, self._published(batch)))
            finally:
                self._publisher.close()
        except BaseException as error:
            self._tell(error)

    def _published(self, batch: Batch) -> BrokerAway | None:
        try:
            with batch.span:
                self._publisher.publish(batch.messages, batch.outcome)
        except BrokerAway as away:
            self._is_away = True
            return away
        self._is_away = False
        return None

    def _next(self) -> Batch | None:
        """Return the next batch. The line is served meanwhile: brokers end one that never answers."""
        while True:
            with suppress(BlockingIOError):
                os.read(self._called, 4_096)
            try:
                return self._batches.get(block=self._is_away)
            except Empty:
                pass
            try:
                self._publisher.wait(SERVE_SECONDS, [self._called])
            except BrokerAway as away:
                self._is_away = True
                self._tell(Report(None, away))

    def _tell(self, report: Report | BaseException) -> None:
        self._reports.put(report)
        _wake(self._wake_end)


def _wake(end: int) -> None:
    with suppress(BlockingIOError):  # full, so it wakes anyway
        os.write(end, b"!")
