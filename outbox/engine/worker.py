"""The loop around the dispatcher. It waits, wakes, survives the database, stops when told."""

from __future__ import annotations

import logging
import os
import random
import socket
import time
import uuid
from collections.abc import Callable
from functools import partial
from multiprocessing import Pipe
from types import FrameType

from django.db import DatabaseError, InterfaceError, connection

from outbox.engine.dispatcher import Dispatcher
from outbox.engine.result import BatchResult
from outbox.engine.retry import RetryPolicy
from outbox.errors import GivenBack
from outbox.guards.deadline import Alarm, Watchdog
from outbox.guards.in_hand import InHandNote
from outbox.guards.second_connection import SecondConnection
from outbox.liveness import STUCK_AFTER_SECONDS, LivenessFile
from outbox.tuning import ANSWER_SECONDS, GRACE_SECONDS, JOBS_SHARE, RECONNECT_CAP_SECONDS, WATCHDOG_SECONDS
from qhse.periodic import JobSchedule
from qhse.terminal import call_at_the_end

logger = logging.getLogger("outbox.worker")

MOST_ROUNDS = 5
"""Of jobs and what they publish, before a worker that drains ends."""


class Worker:
    """
    One worker. Any number may run beside it, on any number of hosts.

    A signal that ends programs lets the batch in hand commit and ends the loop. What does not end in GRACE_SECONDS is
    rolled back. A second signal ends the process at once. While the database is away the worker waits with capped
    exponential backoff. It goes on by itself. On PostgreSQL a notification ends its wait. Polling is what guarantees
    progress.

    Without `handler_seconds`, in tests, it has neither deadlines nor a second connection. `farewell` is the last that a
    worker does in the database when it stops in good order. It is left out when the line is gone.
    """

    def __init__(
        self,
        *,
        batch_size: int,
        poll_seconds: float,
        policy: RetryPolicy,
        handler_seconds: float | None = None,
        liveness: LivenessFile | None = None,
        farewell: Callable[[], None] = lambda: None,
    ) -> None:
        self.batch_size = batch_size
        self.poll_seconds = poll_seconds
        # A constant or a host name alone would make two workers, or a restarted one, look like one.
        self.identity = f"{socket.gethostname()[:100]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._liveness = liveness
        self._farewell = farewell
        # A plain flag, because the lock of a threading.Event may be held by the very wait that a signal interrupts.
        self._stopping = False
        self._woken, self._wake_end = Pipe(duplex=False)
        self._alarm = Alarm(handler_seconds)
        self._watchdog = Watchdog(on=handler_seconds is not None)
        self._second: SecondConnection | None = None
        if handler_seconds and connection.vendor == "postgresql":
            self._second = SecondConnection(guard=partial(self._watchdog.at_most, WATCHDOG_SECONDS))
        self._note = InHandNote(self.identity, self._second)
        self._dispatcher = Dispatcher(
            policy=policy, alarm=self._alarm, watchdog=self._watchdog, note=self._note, beat=self._beat
        )  # fmt: skip
        self._jobs = JobSchedule(hears=self._second is not None)

    def install_signal_handlers(self) -> None:
        """
        Install what ends the loop. It also makes the worker fit to be process 1 of a container. Signals have no default
        action there.
        """
        call_at_the_end(self._on_signal)
        self._alarm.start()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._stopping:
            os._exit(1)
        self.stop()
        self._alarm.give_back_after(GRACE_SECONDS)

    def stop(self) -> None:
        """End the loop after the batch in hand. A signal handler or another thread may call it."""
        self._stopping = True
        self._wake_end.send_bytes(b"!")

    def run_once(self) -> BatchResult:
        """Handle one batch; a database that is away raises."""
        return self._dispatcher.dispatch(self.batch_size)

    def drain(self) -> BatchResult:
        """Handle batches until nothing is due, and return what was done in all. Events in backoff are not due."""
        total = BatchResult()
        while not self._stopping:
            self._beat()
            result = self.run_once()
            total += result
            if not result.moved:
                if not result.held_by_others:
                    break
                self._woken.poll(min(self.poll_seconds, 0.1))
        return total

    def drain_with_jobs(self) -> BatchResult:
        """
        Drain, and do the jobs, until neither leaves anything for the other. Return what was done in all.

        Jobs publish, such as that something is overdue, and handlers leave work for jobs. After MOST_ROUNDS it ends all
        the same, and with a drain: a job may publish each time that it is done.
        """
        total = self.drain()
        for _ in range(MOST_ROUNDS):
            self.do_jobs()
            more = self.drain()
            total += more
            if not more.moved:
                break
        return total

    def do_jobs(self) -> None:
        """Do the periodic jobs to their end. When they were done last does not matter."""
        self._watchdog.rest()
        self._jobs.work_to_the_end()

    def run_forever(self) -> None:
        """Handle batches until told to stop."""
        logger.info("worker started", extra={"worker": self.identity})
        try:
            self._loop()
        except GivenBack:
            # Wherever it was: the server rolls back what an ended connection leaves behind.
            logger.warning("the batch in hand was given back, because it did not end in time")
        # Not after an error that nobody foresaw: the note of what was in hand stays, so that an event that ends one
        # worker after another is found.
        self.leave()
        logger.info("worker stopped", extra={"worker": self.identity})

    def _loop(self) -> None:
        failures = 0
        while not self._stopping:
            self._beat()
            try:
                started = time.monotonic()
                result = self._dispatcher.dispatch(self.batch_size, thorough=False)
                if result.moved:
                    self._jobs.wake()  # as busy as it is, it hears nothing
                now = time.monotonic()
                self._do_due_jobs(until=now + (now - started) * JOBS_SHARE)
                if not result.moved:
                    self._wait(self._idle_seconds(result))
            except (DatabaseError, InterfaceError) as error:
                failures += 1
                self._wait_for_database(failures, error)
            else:
                failures = 0

    def _do_due_jobs(self, until: float = 0.0) -> None:
        """
        Do a piece of each, all after one batch: a worker with nothing else to do wakes once for all of them.

        Until then, those that have more left go on.
        """
        while due := self._jobs.due():
            for job in due:
                if self._stopping:
                    return
                self._watchdog.rest()  # the last batch's: what comes now has its own time
                with self._watchdog.at_most(WATCHDOG_SECONDS):
                    self._jobs.work(job)
                self._beat()
            if time.monotonic() >= until:
                return

    def _idle_seconds(self, result: BatchResult) -> float:
        retry = None if result.next_due_seconds is None else max(0.0, result.next_due_seconds) + 0.005
        return min(end for end in (self.poll_seconds, retry, self._jobs.seconds_left()) if end is not None)

    def _wait(self, seconds: float) -> None:
        """Wait so long, or until a notification or a signal comes. Signs of life are given in between."""
        ends_at = time.monotonic() + seconds
        while not self._stopping:
            self._beat()
            left = ends_at - time.monotonic()
            bounded = min(max(0.0, left), STUCK_AFTER_SECONDS / 6)
            if self._second is None:
                self._woken.poll(bounded)
            elif self._second.wait(bounded, self._woken.fileno()):
                self._jobs.wake()
                return
            if left <= bounded:  # also without a wait: it has listened once
                return

    def _beat(self) -> None:
        if self._liveness:
            self._liveness.beat()

    def leave(self) -> None:
        """Take the worker's marks away. It is leaving in good order, so nobody need wonder about it."""
        self._alarm.stop()
        self._watchdog.rest()
        try:
            with self._watchdog.at_most(ANSWER_SECONDS):
                self._note.remove()
                if connection.connection is not None and not connection.in_atomic_block:
                    self._farewell()
        except (DatabaseError, InterfaceError) as error:
            logger.info("the worker's marks stay", extra={"error": str(error).strip()[:200]})
        if self._second:
            self._second.close()
        if not connection.in_atomic_block or self._stopping:
            connection.close()
        if self._liveness:
            self._liveness.remove()

    def _wait_for_database(self, failures: int, error: Exception) -> None:
        # Whatever state Django believes the connection to be in: the next batch starts on a new one, which after a
        # failover leads to the new primary. The second one may have gone silent with the first.
        connection.close()
        if self._second:
            self._second.close()
        ceiling = min(RECONNECT_CAP_SECONDS, 0.1 * 2.0 ** min(failures, 16))
        # Half of it random: workers that lost their connections together must not all come back together.
        seconds = ceiling * (0.5 + random.random() / 2)
        logger.warning("database is away, trying again in %.1f s: %s", seconds, str(error).strip()[:200])
        self._beat()
        self._woken.poll(seconds)
