"""Defective parts per million: pure arithmetic. Of too few pieces there is no figure."""

from __future__ import annotations

LEAST_RECEIVED = 500
"""Pieces below which one defect more or less would move the figure by thousands: it says nothing then."""
_MILLION = 1_000_000


def ppm(*, received: int, defective: int) -> int | None:
    """Return defective pieces in a million received ones, rounded half up. None of fewer than LEAST_RECEIVED."""
    if received < LEAST_RECEIVED:
        return None
    return (2 * defective * _MILLION + received) // (2 * received)
