"""One line of a score, and how points are rounded and capped."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from suppliers.choices import Severity
from suppliers.risk.figures import Rows

CODES = frozenset({
    "open_ncs", "closed_ncs", "repeats", "overdue", "ineffective_actions",
    "certificate_missing", "certificate_expired", "certificate_expiring", "certificate_unverified",
    "certification_expired", "certification_expiring", "declared_not_proven", "ppm", "floor",
})  # fmt: skip
"""What programs know a line by."""


@dataclass(frozen=True, slots=True)
class Line:
    """
    One line of the score. The points of all lines sum to it.

    Neither `detail` nor `figure` says how many days are left or past: they would be another line each day. Lines of
    version 1 of the rule have neither a figure nor rows.
    """

    code: str
    detail: str
    points: int
    figure: Mapping[str, Any] | None = None
    rows: tuple[Rows, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "detail": self.detail,
            "points": self.points,
            "figure": None if self.figure is None else dict(self.figure),
            "rows": [rows.as_dict() for rows in self.rows],
        }

    @classmethod
    def stored(cls, stored: Mapping[str, Any]) -> Line:
        """Return a line as `as_dict` has stored it, by whichever version of the rule."""
        rows = tuple(Rows(each["kind"], tuple(each["ids"]), each["total"]) for each in stored.get("rows", ()))
        return cls(stored["code"], stored["detail"], stored["points"], stored.get("figure"), rows)


def half_up(points: float) -> int:
    return math.floor(points + 0.5)


def listed(counts: Mapping[Severity, int]) -> str:
    """Return the numbers of those severities that there are: 2 high, 1 low."""
    return ", ".join(f"{number} {severity}" for severity, number in counts.items() if number)


def numbered(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
