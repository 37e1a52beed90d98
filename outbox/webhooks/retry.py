"""How long a delivery waits for its next attempt, and an endpoint for its next call. Pure."""

from __future__ import annotations

WAITS = (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 21_600, 28_800)
"""Seconds before each further attempt: 21.7 hours in all, with the longest jitter less than a day."""
MOST_ATTEMPTS = len(WAITS) + 1
SHORTEST, LONGEST = 0.8, 1.1
"""Of a wait, by chance: endpoints that failed together do not come back together."""

TRIPS_AT = 5
"""Failures in a row after which an endpoint is called no more than once in a while, whatever waits for it."""
FIRST_HOLD, LONGEST_HOLD = 30.0, 900.0
MOST_HEEDED = 3_600.0
"""Seconds that a receiver can ask for by Retry-After."""
MOST_WAIT = WAITS[-1] * LONGEST + 60.0
MOST_HOLD = MOST_HEEDED + 60.0
"""A wait or a hold that ends later than this was set by a clock that was ahead. It counts as over."""


def wait_after(attempts: int, chance: float) -> float | None:
    """Return the seconds to the next attempt after so many failed ones; None when there is none."""
    return None if attempts >= MOST_ATTEMPTS else _jittered(WAITS[attempts - 1], chance)


def hold_after(failures: int, chance: float) -> float:
    """Return for how many seconds an endpoint is not called after so many failures in a row."""
    if failures < TRIPS_AT:
        return 0.0
    return _jittered(min(FIRST_HOLD * 2 ** min(failures - TRIPS_AT, 10), LONGEST_HOLD), chance)


def heeded(status: int | None, retry_after: str) -> float:
    """Return the seconds that a receiver asks for. Only one that has too much to do is heard."""
    if status not in (429, 503) or not (retry_after.isascii() and retry_after.isdecimal()):
        return 0.0
    return min(float(retry_after[:6]), MOST_HEEDED)


def _jittered(seconds: float, chance: float) -> float:
    return seconds * (SHORTEST + (LONGEST - SHORTEST) * chance)
