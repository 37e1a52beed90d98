"""The loop around `dispatch_batch`: waits, wakes, survives the database, stops when told."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import uuid
from types import FrameType

from django.db import InterfaceError, OperationalError, connection

from outbox.dispatcher import BatchResult, dispatch_batch
from outbox.retry import RetryPolicy

logger = logging.getLogger("outbox.worker")

RECONNECT_CAP_SECONDS = 10.0


class Worker:
    """
    One worker process; any number may run beside it, on any number of hosts.

    SIGTERM or SIGINT lets the batch in hand commit and ends the loop; a second one ends the process at once, and
    the database rolls the batch back. While the database is away the worker waits with capped exponential
    backoff and goes on by itself.
    """

    def __init__(self, *, batch_size: int, poll_seconds: float, policy: RetryPolicy) -> None:
        self.batch_size = batch_size
        self.poll_seconds = poll_seconds
        self.policy = policy
        # A constant or a host name alone would make two workers, or a restarted one, look like one.
        self.identity = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._stopping = threading.Event()

    def install_signal_handlers(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._stopping.is_set():
            os._exit(1)
        self._stopping.set()

    def stop(self) -> None:
        self._stopping.set()

    def run_once(self) -> BatchResult:
        """Handle one batch; a database that is away raises."""
        return dispatch_batch(limit=self.batch_size, policy=self.policy)

    def drain(self) -> BatchResult:
        """Handle batches until nothing is due, and return what was done in all; events in backoff are not due."""
        total = BatchResult()
        while not self._stopping.is_set():
            result = self.run_once()
            total += result
            if not result.moved:
                if not result.blocked:
                    break
                self._stopping.wait(min(self.poll_seconds, 0.1))
        return total

    def run_forever(self) -> None:
        """Handle batches until told to stop."""
        logger.info("worker started", extra={"worker": self.identity})
        failures = 0
        while not self._stopping.is_set():
            try:
                result = self.run_once()
            except (OperationalError, InterfaceError) as error:
                failures += 1
                self._wait_for_database(failures, error)
                continue
            failures = 0
            if not result.moved:
                self._stopping.wait(self.poll_seconds)
        logger.info("worker stopped", extra={"worker": self.identity})

    def _wait_for_database(self, failures: int, error: Exception) -> None:
        # Whatever state Django believes the connection to be in: the next batch starts on a new one.
        connection.close()
        seconds = min(RECONNECT_CAP_SECONDS, 0.1 * 2.0 ** min(failures, 16))
        logger.warning("database is away, trying again in %.1f s", seconds, extra={"error": str(error).strip()[:200]})
        self._stopping.wait(seconds)
