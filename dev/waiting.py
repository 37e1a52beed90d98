"""Waiting for a condition, with an end. Tests, laboratory and demo wait by this."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.01


class Stalled(AssertionError):
    """What was promised did not happen in time."""


def wait_until(
    condition: Callable[[], T | None],
    *,
    seconds: float = 20.0,
    what: str = "the condition",
    every: float = POLL_SECONDS,
) -> T:
    """
    Return the condition's first true answer. It is asked at once, then `every` so many seconds.

    Raises Stalled, which says `what`, when there is none in time. The condition is asked once more after that time, so
    that a machine that stood still is no reason.
    """
    deadline = time.monotonic() + seconds
    while True:
        is_last = time.monotonic() > deadline
        if answer := condition():
            return answer
        if is_last:
            raise Stalled(f"waited {seconds:g} s in vain for {what}")
        time.sleep(every)
