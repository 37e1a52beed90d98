"""An end for what does not end: an alarm raises in Python code, and a watchdog ends a process that is beyond that."""

from __future__ import annotations

import faulthandler
import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from outbox.errors import GivenBack, HandlerTimedOut
from outbox.guards.session import running_line
from outbox.tuning import TICK_SECONDS


class Alarm:
    """
    Bounds each handler call to `seconds`, and the whole worker to its grace time once it is told to stop.

    It is the context of a handler call. When the call's time is over, a running SQL statement is cancelled, once.
    Python code gets HandlerTimedOut, again and again. `None` seconds switch it off, as in tests.

    A timer ticks by SIGALRM for as long as the worker runs: to set one for each call would cost more than many a
    handler. So there is one alarm in a process, in its main thread. It is late by up to TICK_SECONDS.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds or math.inf
        self._call_ends_at = self._stop_at = math.inf
        self._has_cancelled = False

    def start(self) -> None:
        if self.seconds < math.inf:
            # Not every 0.1 s: so long the driver waits before it looks for signals, and each one sets it back.
            tick = min(TICK_SECONDS, max(self.seconds / 4, 0.15))
            signal.signal(signal.SIGALRM, self._on_tick)
            signal.setitimer(signal.ITIMER_REAL, tick, tick)

    def stop(self) -> None:
        """Call off everything, before the process goes on to other things."""
        if self.seconds < math.inf:
            signal.setitimer(signal.ITIMER_REAL, 0.0)

    def __enter__(self) -> None:
        self._has_cancelled = False
        self._call_ends_at = time.monotonic() + self.seconds

    def __exit__(self, *exception: object) -> None:
        self._call_ends_at = math.inf

    def give_back_after(self, seconds: float) -> None:
        """Raise GivenBack, wherever the worker then is, when it has not ended after so many seconds."""
        self._stop_at = time.monotonic() + seconds

    def _on_tick(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if now >= self._stop_at:
            raise GivenBack
        if now < self._call_ends_at:
            return
        # The error of the cancelled statement is the cleaner end, so it gets a tick to arrive.
        if not self._has_cancelled and (line := running_line()):
            self._has_cancelled = True
            # In a thread: it opens a connection of its own, which takes long when the network is what hangs.
            threading.Thread(target=line.cancel, daemon=True).start()
            return
        raise HandlerTimedOut(f"the handler was still running after {self.seconds:g} s (OUTBOX_HANDLER_TIMEOUT)")


class Watchdog:
    """
    Ends the process, with a traceback, when something takes longer than it may.

    For code that never returns to the interpreter, and for a line to the database that has gone silent. It is a
    thread of the C runtime. What the worker had in hand is counted by who finds it.
    """

    def __init__(self, *, on: bool) -> None:
        self._on = on
        self._armed_at = -math.inf

    def arm(self, seconds: float) -> None:
        """Give a batch or its next call so long; it holds until `rest`, or until the next one has its own time."""
        # Each arming starts a thread, so one serves all of a tick.
        if self._on and time.monotonic() - self._armed_at > TICK_SECONDS:
            self._armed_at = time.monotonic()
            faulthandler.dump_traceback_later(TICK_SECONDS + seconds, exit=True)

    def rest(self) -> None:
        """Call it off: no batch is in hand."""
        if self._armed_at > -math.inf:
            self._armed_at = -math.inf
            faulthandler.cancel_dump_traceback_later()

    @contextmanager
    def at_most(self, seconds: float) -> Iterator[None]:
        """Bound a block. In the middle of a batch it does nothing: the bound of the batch holds."""
        if self._armed_at > -math.inf:
            yield
            return
        self.arm(seconds)
        try:
            yield
        finally:
            self.rest()
