"""
The courier of webhooks: spreads events, calls endpoints, stores what came of it. It runs in the relay.

Threads call, and touch no database. The relay's thread does the rest, on the session that holds the lanes. An endpoint
belongs to the lane of its number, so one relay at a time calls it. One call of it is in flight at a time: its
deliveries arrive in the order of their ids, as long as none fails.
"""

from __future__ import annotations

import logging
import os
import select
import time
from collections import deque
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime
from queue import Empty, SimpleQueue
from threading import Thread

from django.db import DatabaseError

from outbox.outgoing import LANES
from outbox.relay.couriers import Turn
from outbox.webhooks import outcomes
from outbox.webhooks.calling import Answer
from outbox.webhooks.fanout import LANE, spread
from outbox.webhooks.models import WebhookEndpoint
from outbox.webhooks.requests import Request, requests_of, send
from outbox.webhooks.selectors import callable_endpoints, may_be_sent, next_due_seconds
from outbox.webhooks.targets import UrlRefused
from outbox.webhooks.vault import SecretIsUnreadable
from qhse.database import database_time
from qhse.wakeup import wake_workers

logger = logging.getLogger("outbox.webhooks")

THREADS = 64
DOUBTFUL_AT_ONCE = 16
"""Calls in flight of endpoints that failed last: each may take all of its time, and the others must not wait for it."""
RUN = 10
"""Deliveries that a thread takes of one endpoint that is well. It stops at the first that fails."""
RUN_SECONDS = 1.0
"""After which it takes no further one: it does not learn that its endpoint was paused, or has another address."""
IDLE_SECONDS = 1.0
"""Pause between looks while there is no active endpoint."""
LOOK_SECONDS = 0.05
"""Least time between looks for what may be sent, after one that found nothing: many may publish at once."""
SPREAD_SECONDS = 0.5
"""Of one turn: a large backlog of events must not keep the calls waiting."""

Done = tuple[Request, "Answer | None"]
"""A request with what came of it. None: the run that it belonged to is over."""


class WebhookCourier:
    """Carries events to endpoints. See `outbox.relay.couriers.Courier`."""

    name = "webhooks"

    def __init__(self) -> None:
        self._work: SimpleQueue[list[Request] | None] = SimpleQueue()
        self._done: SimpleQueue[Done] = SimpleQueue()
        self._unstored: deque[Done] = deque()
        self._in_flight: dict[int, bool] = {}  # endpoint → whether it is doubtful
        self._threads: list[Thread] = []
        self._stopping = False
        self._look_at = self._idle_until = 0.0
        self._woken, self._wake_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def take_over(self, lanes: frozenset[int]) -> None:
        """Look at once. What another relay had in flight still waits in the table."""
        self._look_at = self._idle_until = 0.0

    def turn(self, lanes: frozenset[int]) -> Turn:
        moved = self._store()
        if not lanes:
            return Turn(moved, None)
        now = time.monotonic()
        if not self._in_flight and now < self._idle_until:
            return Turn(moved, self._idle_until - now)
        moved += self._spread(lanes)
        if moved or now >= self._look_at:
            started = self._start(lanes)
            moved += started
            self._look_at = 0.0 if started else now + LOOK_SECONDS
        elif now < self._look_at:
            return Turn(0, self._look_at - now)
        if moved or self._in_flight:
            return Turn(moved, IDLE_SECONDS)
        if not WebhookEndpoint.objects.active().exists():
            self._idle_until = now + IDLE_SECONDS
            return Turn(0, IDLE_SECONDS)
        return Turn(0, next_due_seconds(lanes))

    def busy_lanes(self) -> frozenset[int]:
        return frozenset(endpoint % LANES for endpoint in self._in_flight)

    def descriptors(self) -> Collection[int]:
        return (self._woken,)

    def stop(self, ends_at: float) -> None:
        """Let calls in flight end until then, and store what came of them. Nothing further is started."""
        self._stopping = True
        for _ in self._threads:
            self._work.put(None)
        try:
            while self._store() or (self._in_flight and time.monotonic() < ends_at):
                select.select(self.descriptors(), [], [], 0.1)
        except DatabaseError as error:
            logger.warning("results of calls could not be stored; these are made again: %s", str(error).strip()[:200])

    # --- Work out, results in -----------------------------------------------------------------------------------------

    @staticmethod
    def _spread(lanes: frozenset[int]) -> int:
        if LANE not in lanes:
            return 0
        total, ends_at = 0, time.monotonic() + SPREAD_SECONDS
        while (number := spread()) and time.monotonic() < ends_at:
            total += number
        if total + number:
            wake_workers()  # and with them the relays that hold the lanes of the endpoints
        return total + number

    def _start(self, lanes: frozenset[int]) -> int:
        """Give threads what may be sent. The doubtful share a part of them, one delivery each."""
        if len(self._in_flight) >= THREADS:
            return 0
        endpoints = callable_endpoints(lanes, self._in_flight)
        if not endpoints:
            return 0
        now, started = database_time(), 0
        for endpoint in endpoints:
            is_doubtful = endpoint.failures > 0
            if len(self._in_flight) >= THREADS:
                break
            if is_doubtful and sum(self._in_flight.values()) >= DOUBTFUL_AT_ONCE:
                continue
            started += self._start_run(endpoint, is_doubtful, now)
        return started

    def _start_run(self, endpoint: WebhookEndpoint, is_doubtful: bool, now: datetime) -> int:
        deliveries = list(may_be_sent().filter(endpoint=endpoint)[: 1 if is_doubtful else RUN])
        if not deliveries:
            return 0
        try:
            requests = requests_of(endpoint, deliveries, now)
        except (SecretIsUnreadable, UrlRefused) as refusal:
            # Settings have changed since it was made. While they change process by process, the next relay may have
            # those that it needs: it waits as if it had failed.
            if isinstance(refusal, SecretIsUnreadable) and not endpoint.failures:
                logger.error("a webhook waits: %s", refusal, extra={"webhook": endpoint.pk})
            first = deliveries[0]
            outcomes.store(endpoint.pk, first.pk, first.attempts, endpoint.url, Answer(None, str(refusal)))
            return 1
        self._in_flight[endpoint.pk] = is_doubtful
        if len(self._threads) < len(self._in_flight):
            self._threads.append(Thread(target=self._call_all, name="webhook", daemon=True))
            self._threads[-1].start()
        self._work.put(requests)
        return len(requests)

    def _store(self) -> int:
        """Store what threads have done. What the database does not take stays, for the next turn."""
        with suppress(BlockingIOError):
            os.read(self._woken, 4_096)
        while True:
            try:
                self._unstored.append(self._done.get_nowait())
            except Empty:
                break
        stored = 0
        while self._unstored:
            request, answer = self._unstored[0]
            if answer is None:
                self._in_flight.pop(request.endpoint, None)
            else:
                outcomes.store(request.endpoint, request.delivery, request.attempts, request.url, answer)
                stored += 1
            self._unstored.popleft()
            self._look_at = 0.0
        return stored

    # --- In a thread: no database -------------------------------------------------------------------------------------

    def _call_all(self) -> None:
        while (run := self._work.get()) is not None:
            ends_at = time.monotonic() + RUN_SECONDS
            try:
                for request in run:
                    answer = send(request)
                    self._report(request, answer)
                    if self._stopping or not answer.is_taken or time.monotonic() >= ends_at:
                        break
            finally:
                self._report(run[0], None)

    def _report(self, request: Request, answer: Answer | None) -> None:
        self._done.put((request, answer))
        with suppress(BlockingIOError):  # full, so it wakes anyway
            os.write(self._wake_end, b"!")
