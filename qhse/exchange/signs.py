"""
Signs of life of the program that runs imports.

A watchdog in the process ends it when it gives none. Who has started it hears them by a pipe. In other processes nobody
watches, and `give` does nothing.
"""

from __future__ import annotations

import faulthandler
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

WATCHDOG_SECONDS = 17.0
"""Longer than a statement may take, and than SQLite waits for its one writer. Shorter than who has started us waits."""
EVERY_SECONDS = 1.0  # each sign starts a thread of the C runtime

_given_at: float | None = None
_line: int | None = None


@contextmanager
def watched(line: int | None) -> Iterator[None]:
    """Let this process end, with a traceback, after WATCHDOG_SECONDS without a sign. `line` is the pipe's end."""
    global _given_at, _line
    _given_at, _line = -math.inf, line
    if line is not None:
        os.set_blocking(line, False)
    try:
        give()
        yield
    finally:
        _given_at = _line = None
        faulthandler.cancel_dump_traceback_later()


def give() -> None:
    """Say that something has come forward."""
    global _given_at
    if _given_at is None or time.monotonic() - _given_at < EVERY_SECONDS:
        return
    _given_at = time.monotonic()
    # A process that was stopped for so long ends when it goes on: somebody else may have its import.
    faulthandler.dump_traceback_later(WATCHDOG_SECONDS, exit=True)
    if _line is not None:
        with suppress(OSError):  # nobody reads any more, or has not for a day
            os.write(_line, b".")
