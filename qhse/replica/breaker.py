"""Keeps this process from asking a replica that has just not answered, or not as a copy of the primary does."""

from __future__ import annotations

import time

from qhse.replica.metrics import CUT_OFF

AWAY_SECONDS = 10.0
"""A server that is away costs a request up to two seconds of connecting: in each process one request each ten."""


class Breaker:
    """Threads may race for it: then a few of them ask in vain instead of one."""

    def __init__(self) -> None:
        self._until = 0.0
        self.why = ""

    def is_open(self) -> bool:
        return time.monotonic() < self._until

    def open(self, why: str) -> None:
        self.why = why
        self._until = time.monotonic() + AWAY_SECONDS
        CUT_OFF.inc()

    def close(self) -> None:
        self._until = 0.0


breaker = Breaker()
