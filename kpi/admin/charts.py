"""The quality figures as charts, and the three of them on the first page."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from kpi import series
from kpi.permissions import KPI_ROLES
from kpi.quality import Quality, quality_figures
from qhse.accounts.rights import is_allowed
from qhse.adminsite.charts import Chart, Grid, beside, chart, grid, line, months, pareto, plain, stacked
from qhse.adminsite.panels import show_on_front_page
from qhse.replica.reading import read
from suppliers.choices import Criticality, RiskLevel

_OF_SUPPLIERS = "Suppliers by risk level and criticality"
_SHOWN = "Levels as lists show them: that of an override while it is in force, else the computed one."


def charts_of(figures: Quality, *, is_now: bool) -> dict[str, Chart | Grid | None]:
    """Return all charts by the name of the table that each stands in. None where there is nothing to see."""
    return {
        "months": months_chart(figures),
        "ages": _ages(figures),
        "categories": _pareto(figures, "categories", "Cases recorded, by category", "Category"),
        "suppliers": _pareto(figures, "suppliers", "Cases recorded, by supplier", "Supplier"),
        "delivered_by_month": _ppm(figures),
        "ending": ending_chart(figures),
        "levels": levels_grid(figures, is_now=is_now),
    }


def months_chart(figures: Quality) -> Chart | None:
    """Two plots: what is open is counted in other numbers than what came and went in one month."""
    found = series.months(figures)
    backlog = "Open at the end"
    moved = {name: values for name, values in found.lines.items() if name != backlog}
    return chart(
        "chart-months", "Cases recorded, closed and open, by month", months(found.labels),
        beside(moved), line({backlog: found.lines[backlog]}), of="Month",
    )  # fmt: skip


def _ages(figures: Quality) -> Chart | None:
    found = series.ages(figures)
    return chart("chart-ages", "Open cases by age in days", plain(found.labels), stacked(found.lines), of="Days")


def _pareto(figures: Quality, name: str, title: str, of: str) -> Chart | None:
    found = getattr(series, name)(figures)
    counts, cumulative = found.lines.values()
    total = figures.repeats["n"]  # of all that were recorded in the period
    return pareto(f"chart-{name}", title, found.labels, cast(list[int], counts), cumulative, total=total, of=of)


def _ppm(figures: Quality) -> Chart | None:
    found = series.ppm(figures)
    return chart("chart-ppm", "PPM by month", months(found.labels), line(found.lines), of="Month")


def ending_chart(figures: Quality) -> Chart | None:
    found = series.certificates(figures)
    title = "Certificates by the month in which they end"
    return chart("chart-ending", title, months(found.labels), beside(found.lines), of="Month")


def levels_grid(figures: Quality, *, is_now: bool) -> Grid | None:
    """
    Return suppliers by level, the highest first, and those without one.

    Cells lead to the list where the figures are those of now. Lists are not filtered by having no level.
    """
    found = series.grid(figures)
    levels, rows = list(reversed(RiskLevel)), list(zip(found.labels, *found.lines.values(), strict=True))[::-1]
    listed = reverse("admin:suppliers_supplier_changelist")

    def link(down: int, across: int) -> str:
        if down == len(levels):
            return ""
        asked = {"risk_level": levels[down].value, "criticality": list(Criticality)[across].value}
        return f"{listed}?{urlencode(asked)}"

    return grid(
        "levels", _OF_SUPPLIERS, [f"Criticality {each}" for each in found.lines],
        [(head, cast(list[int], numbers)) for head, *numbers in rows],
        corner="Risk level", link=link if is_now else None, note=_SHOWN,
    )  # fmt: skip


def trends_panel(request: HttpRequest) -> dict[str, Any] | None:
    """Return three charts of now, for who may read the figures."""
    if not is_allowed(request.user, "retrieve", KPI_ROLES):
        return None
    figures = read(lambda using: quality_figures(using=using), user=request.user)
    levels = levels_grid(figures, is_now=True)
    return {
        "template": "kpi/trends.html",
        "months": {
            "id": "trend-months", "title": "Cases by month", "chart": months_chart(figures),
            "nothing": "No case was recorded, closed or open in the last thirteen months.",
        },
        "ending": {
            "id": "trend-ending", "title": "Certificates by the month in which they end",
            "chart": ending_chart(figures), "nothing": "No current certificate ends within a year.",
        },
        "levels": levels,
        "title": _OF_SUPPLIERS,
    }  # fmt: skip


show_on_front_page(trends_panel, order=1)
