"""The advisory locks by which who notes movements and who sums them take turns."""

from __future__ import annotations

from datetime import date

SUMMING = 0x6B70695F64617973  # "kpi_days"
"""Held by the one worker that sums."""
BELATED = 0x6B70695F6C617465  # "kpi_late"
"""
Shared by whoever notes a belated movement, or any while no day is summed. Held alone by the worker that sums a round,
or the first day.
"""
FIRST_DAY = 0x6B70695F00000000  # "kpi_"
"""Of 1 January 1970; each later day has the next number. Shared by whoever notes a movement of the day."""

EPOCH = date(1970, 1, 1)


def of_day(day: date) -> int:
    return FIRST_DAY + (day - EPOCH).days
