"""What is read of suppliers' risk over time."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from qhse import clock
from suppliers.models import RiskAssessment

MONTHS = 12


class MonthlyScore(NamedTuple):
    """What was concluded last in a month or before it. None where nothing had been concluded yet."""

    month: date  # its first day
    score: int | None
    level: str | None
    rule_version: int | None


def scores_by_month(supplier_id: int, *, months: int = MONTHS, today: date | None = None) -> list[MonthlyScore]:
    """Return the score at the end of each of the last months, this one included, the oldest first."""
    last = today or clock.today()
    first_days = _first_days(last, months)
    rows = list(
        RiskAssessment.objects.filter(supplier=supplier_id, day__lte=last)
        .order_by("id")
        .values_list("day", "score", "level", "rule_version")
    )
    scores, at = [], 0
    known: tuple[int | None, str | None, int | None] = (None, None, None)
    for month, following in zip(first_days, [*first_days[1:], date.max], strict=True):
        while at < len(rows) and rows[at][0] < following:
            known = rows[at][1:]
            at += 1
        scores.append(MonthlyScore(month, *known))
    return scores


def _first_days(last: date, months: int) -> list[date]:
    numbered = last.year * 12 + last.month - 1
    return [date(each // 12, each % 12 + 1, 1) for each in range(numbered - months + 1, numbered + 1)]
