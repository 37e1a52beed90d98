"""Waiting for a condition, with an end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.01


class Stalled(Exception):
    """Something that was promised did not happen in time."""


def wait_until(condition: Callable[[], T], *, seconds: float, what: str) -> T:
    """Return the condition's first true answer; raise Stalled when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise Stalled(f"waited {seconds:g} s in vain for {what}")
        time.sleep(POLL_SECONDS)
    return answer
