"""What workers do between batches for the figures."""

from __future__ import annotations

from kpi.movements.summing import sum_days
from qhse.periodic import periodic

EVERY_SECONDS = 600
"""A day is over once a day. Until it is summed, its movements are read as they are: slower, and no less right."""


@periodic(every_seconds=EVERY_SECONDS)
def sum_figures() -> bool:
    return sum_days()
