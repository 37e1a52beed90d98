"""An end for handlers that do not end: in SQL by the server, in Python by an alarm, in anything else by the process."""

from __future__ import annotations

import faulthandler
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from django.db import connection
from psycopg.pq import TransactionStatus

from outbox.errors import GivenBack, HandlerTimedOut

REPEAT_SECONDS = 1.0  # the alarm comes again, for a handler that swallows it
REARM_SECONDS = 1.0
CANCELS = 3  # alarms that only cancel the running statement; the next one gives the connection up
WATCHDOG_GRACE_SECONDS = 5.0  # at most; half of the handlers' time if that is shorter


class Deadline:
    """
    Bounds each handler call to `seconds`, and the whole of the worker to its grace time once it is told to stop.

    At the end of a call's time a running SQL statement is cancelled, and Python code gets HandlerTimedOut. Code
    that never returns to the interpreter cannot be interrupted: the watchdog, a thread of the C runtime, prints
    the traceback and ends the process, and what the worker had in hand is counted by the next one.

    Works by SIGALRM, so there is one for each process, in its main thread. `install` is called once.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._alarms = 0
        self._armed_at = float("-inf")
        self._stop_at: float | None = None
        self._call = _Call(self)
        self._call_ends_at: float | None = None
        self._ticking = False

    def install(self) -> None:
        signal.signal(signal.SIGALRM, self._on_alarm)

    def call(self) -> _Call:
        """Bound one handler call. Raises HandlerTimedOut inside of it."""
        return self._call

    @contextmanager
    def batch(self, seconds: float) -> Iterator[None]:
        """End the process if a batch takes longer than its `seconds`, one more handler call and a grace time."""
        # Each arming starts a thread, so one serves the batches of a second.
        now = time.monotonic()
        if now - self._armed_at > REARM_SECONDS:
            self._armed_at = now
            grace = min(WATCHDOG_GRACE_SECONDS, max(1.0, self.seconds / 2))
            faulthandler.dump_traceback_later(REARM_SECONDS + seconds + self.seconds + grace, exit=True)
        try:
            yield
        except BaseException:
            self.rest()
            raise
        finally:
            if self._ticking:
                # Not simply off: a worker that has been told to stop keeps its own bound.
                self._ticking = False
                signal.setitimer(signal.ITIMER_REAL, self._bounded(0.0), REPEAT_SECONDS)

    def begin_call(self) -> None:
        self._alarms = 0
        self._call_ends_at = time.monotonic() + self.seconds
        # One timer serves the calls of a batch, and goes off only in a long one: two system calls for each event would
        # cost more than many a handler.
        if not self._ticking:
            self._ticking = True
            signal.setitimer(signal.ITIMER_REAL, self._bounded(self.seconds), REPEAT_SECONDS)

    def end_call(self) -> None:
        self._call_ends_at = None

    @contextmanager
    def at_most(self, seconds: float) -> Iterator[None]:
        """End the process if something outside of a batch takes longer: a line to the database can go silent."""
        if self._armed_at != float("-inf"):
            yield  # the watchdog of a batch is about
            return
        self._armed_at = time.monotonic()
        faulthandler.dump_traceback_later(seconds, exit=True)
        try:
            yield
        finally:
            self.rest()

    def rest(self) -> None:
        """Call off the watchdog: no batch is in hand."""
        self._armed_at = float("-inf")
        faulthandler.cancel_dump_traceback_later()

    def stop_within(self, seconds: float) -> None:
        """Raise GivenBack, wherever the worker then is, when it has not ended after so many seconds."""
        self._stop_at = time.monotonic() + seconds
        self._ticking = False  # so that the next call has its own end before this one
        signal.setitimer(signal.ITIMER_REAL, seconds, REPEAT_SECONDS)

    def disarm(self) -> None:
        """Call off everything, before the process goes on to other things."""
        self.rest()
        signal.setitimer(signal.ITIMER_REAL, 0.0)

    def _bounded(self, seconds: float) -> float:
        if self._stop_at is None:
            return seconds
        left = max(0.01, self._stop_at - time.monotonic())
        return min(seconds, left) if seconds else left

    def _on_alarm(self, number: int, frame: FrameType | None) -> None:
        if self._stop_at is not None and time.monotonic() >= self._stop_at:
            raise GivenBack
        left = self.seconds if self._call_ends_at is None else self._call_ends_at - time.monotonic()
        if left > 0:
            signal.setitimer(signal.ITIMER_REAL, self._bounded(left), REPEAT_SECONDS)
            return
        self._alarms += 1
        if self._alarms <= CANCELS and _cancel_running_statement():
            return
        raise HandlerTimedOut(f"the handler was still running after {self.seconds:g} s (OUTBOX_HANDLER_TIMEOUT)")


class _Call:
    """The context of a handler call, made once: this is on the way of every event."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    def __enter__(self) -> None:
        self._deadline.begin_call()

    def __exit__(self, *exception: object) -> None:
        self._deadline.end_call()


def _cancel_running_statement() -> bool:
    """Ask the server to end the statement that runs, if one does; its error then ends the handler."""
    running = connection.connection
    if connection.vendor != "postgresql" or running is None or running.closed:
        return False
    if running.info.transaction_status != TransactionStatus.ACTIVE:
        return False
    # In a thread: it opens a connection of its own, which takes long when the network is what hangs.
    threading.Thread(target=running.cancel, daemon=True).start()
    return True
