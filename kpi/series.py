"""What charts of the quality figures draw: labels with one value each for every line. None is a gap, and not nought."""

from __future__ import annotations

from dataclasses import dataclass

from kpi.quality import Quality
from ncs.choices import Category
from suppliers.choices import Criticality, RiskLevel, Severity

NOT_ASSESSED = "Not assessed"
Values = list[float | int | None]


@dataclass(frozen=True, slots=True)
class Series:
    labels: list[str]
    lines: dict[str, Values]


def months(figures: Quality) -> Series:
    """Return what was recorded, closed and left open, by month."""
    rows = figures.by_month
    lines = {"Recorded": "opened", "Closed": "closed", "Open at the end": "backlog"}
    return Series([row["month"] for row in rows], {name: [row[key] for row in rows] for name, key in lines.items()})


def ages(figures: Quality) -> Series:
    """Return open cases by age, a line for each severity, the highest first."""
    rows = figures.open["by_age"]
    severities = reversed(Severity)
    return Series(
        [row["days"] for row in rows], {str(each.label): [row[each.value] for row in rows] for each in severities}
    )


def categories(figures: Quality) -> Series:
    rows = figures.pareto_category
    words = dict(Category.choices)
    return Series([str(words.get(row["category"], "Not said")) for row in rows], _pareto(rows))


def suppliers(figures: Quality) -> Series:
    rows = figures.pareto_supplier
    return Series([row["name"] for row in rows], _pareto(rows))


def _pareto(rows: list[dict[str, object]]) -> dict[str, Values]:
    return {"Cases": [row["n"] for row in rows], "Cumulative share": [row["cumulative"] for row in rows]}  # type: ignore[misc]


def ppm(figures: Quality) -> Series:
    rows = figures.ppm["by_month"]
    return Series([row["first_month"] for row in rows], {"PPM": [row["ppm"] for row in rows]})


def certificates(figures: Quality) -> Series:
    rows = figures.certificates["ending_by_month"]
    return Series([row["month"] for row in rows], {"Certificates that end": [row["n"] for row in rows]})


def grid(figures: Quality) -> Series:
    """Return suppliers by level, those without one first, a line for each criticality."""
    rows = [figures.suppliers["not_assessed_by_criticality"], *figures.suppliers["by_level_and_criticality"]]
    labels = [NOT_ASSESSED, *(str(level.label) for level in RiskLevel)]
    return Series(labels, {str(each): [row[each.value] for row in rows] for each in Criticality})
