"""
The formulas of the quality figures: pure functions of counts. docs/domain.md says each in words.

A rate of nothing, and the middle of nothing, is None: neither 0 nor 1 would be true.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import TypeVar

LEAST_RECEIVED = 500
"""Pieces below which PPM says nothing: one defective piece would be 2,000."""
AGE_BANDS: tuple[tuple[str, int, int | None], ...] = (
    ("0-7", 0, 7),
    ("8-30", 8, 30),
    ("31-60", 31, 60),
    ("61-90", 61, 90),
    (">90", 91, None),
)
MOVED_POINTS = 10
MOVED_DAYS = 30
EXPIRING_DAYS = (30, 60, 90)

Key = TypeVar("Key")
Distribution = Mapping[int, int]
"""How often each value occurs."""


def _rounded(part: int, whole: int, decimals: int) -> float:
    """Return a quotient, with a half rounded up. Python's `round` takes the even neighbour, of a binary fraction."""
    scale: int = 10**decimals
    return (2 * part * scale + whole) // (2 * whole) / scale


def rate(part: int, whole: int) -> float | None:
    """Return a share from 0 to 1, with four decimals."""
    return _rounded(part, whole, 4) if whole > 0 else None


def mean(values: Distribution) -> float | None:
    number = sum(values.values())
    return _rounded(sum(value * n for value, n in values.items()), number, 1) if number > 0 else None


def median(values: Distribution) -> float | None:
    """Return the middle value; of an even number of values the mean of the two in the middle."""
    number = sum(values.values())
    if number <= 0:
        return None
    return (_at(values, (number + 1) // 2) + _at(values, number // 2 + 1)) / 2


def percentile(values: Distribution, percent: int) -> int | None:
    """Return the least value that so many percent of all do not exceed (nearest rank)."""
    number = sum(values.values())
    return _at(values, -(-number * percent // 100)) if number > 0 else None


def _at(values: Distribution, rank: int) -> int:
    """Return the value at a rank, from 1, in order of size."""
    passed = 0
    for value in sorted(values):
        passed += values[value]
        if passed >= rank:
            return value
    raise ValueError(f"there is no rank {rank}")


def age_in_days(since: date, as_of: date) -> int:
    return (as_of - since).days


def age_band(days: int) -> str:
    """Return the band of an age. What is dated into the future has none yet: it is in the first."""
    return next(name for name, _, most in AGE_BANDS if most is None or days <= most)


def before(days: Mapping[date, int], day: date) -> int:
    """Return how many stand under an earlier day: what is due is due through its day."""
    return sum(n for each, n in days.items() if each < day)


def between(days: Mapping[date, int], first: date, last: date) -> int:
    return sum(n for each, n in days.items() if first <= each <= last)


def ending_within(ends: Mapping[date, int], as_of: date, days: int) -> int:
    """Return how many end on this day or one of the following, that one included."""
    return between(ends, as_of, as_of + timedelta(days=days))


def ppm(defective: int, received: int) -> float | None:
    """Return defective pieces of a million received. Of too few it says nothing."""
    return _rounded(defective * 1_000_000, received, 1) if received >= LEAST_RECEIVED else None


def per_hundred(number: int, lots: int) -> float | None:
    return _rounded(number * 100, lots, 2) if lots > 0 else None


def pareto(counts: Iterable[tuple[Key, int]], total: int) -> list[tuple[Key, int, float | None, float | None]]:
    """Return key, count, share of all, and the share of this and all before it, the most frequent first."""
    rows, passed = [], 0
    for key, n in sorted(counts, key=lambda pair: (-pair[1], str(pair[0]))):
        passed += n
        rows.append((key, n, rate(n, total), rate(passed, total)))
    return rows


def months_back(day: date, number: int) -> date:
    """Return the first of the month so many months before that of a day."""
    count = day.year * 12 + day.month - 1 - number
    return date(count // 12, count % 12 + 1, 1)


def last_of(month: date) -> date:
    """Return the last day of a month."""
    return months_back(month, -1) - timedelta(days=1)


def full_months(day: date, number: int) -> tuple[date, date]:
    """Return the first days of the first and the last of so many months that were over before a day's month."""
    return months_back(day, number), months_back(day, 1)


def months_within(first: date, last: date) -> tuple[date, date]:
    """Return the first days of the first and the last month that begin and end within a period; perhaps none."""
    begin = first if first.day == 1 else months_back(first, -1)
    following = last + timedelta(days=1)
    return begin, months_back(following, 1)
