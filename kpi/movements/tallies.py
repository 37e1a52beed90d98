"""
Counts by supplier as bytes.

Those of a day are the ids, and as many numbers. Totals have a number for each id from nought on: suppliers are numbered
one by one and never deleted, and two totals are taken off each other without a look at an id.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Mapping
from itertools import chain, repeat
from operator import add as plus
from operator import sub as minus

Stored = bytes | memoryview
_TOTAL, _PAIR = "i", "q"


def packed_day(counts: Mapping[int, int]) -> bytes:
    return _bytes(_PAIR, chain(counts, counts.values()))


def packed_total(counts: list[int]) -> bytes:
    return _bytes(_TOTAL, counts)


def add_day(counts: list[int], stored: Stored, sign: int = 1) -> None:
    """Add what was packed of a day, or take it off."""
    numbers = _numbers(_PAIR, stored)
    half = len(numbers) // 2
    ids = numbers[:half]
    if ids:
        counts.extend(repeat(0, max(ids) + 1 - len(counts)))
    for key, n in zip(ids, numbers[half:], strict=True):
        counts[key] += sign * n


def add_total(counts: list[int], stored: Stored, sign: int = 1) -> None:
    """Add what was packed of all days, or take it off."""
    numbers = _numbers(_TOTAL, stored)
    counts.extend(repeat(0, len(numbers) - len(counts)))
    numbers.extend(repeat(0, len(counts) - len(numbers)))
    counts[:] = map(plus if sign > 0 else minus, counts, numbers)


def _bytes(kind: str, numbers: Iterable[int]) -> bytes:
    return _little(array(kind, numbers)).tobytes()


def _numbers(kind: str, stored: Stored) -> array[int]:
    return _little(array(kind, bytes(stored)))


def _little(numbers: array[int]) -> array[int]:
    """Return numbers in the order of a little-endian machine, in which they are stored."""
    if sys.byteorder != "little":
        numbers.byteswap()
    return numbers
