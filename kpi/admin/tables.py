"""The quality figures as tables: words, and every figure with the number it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString

from kpi.quality import Quality
from kpi.series import NOT_ASSESSED
from ncs.choices import Category
from qhse.adminsite.display import link
from suppliers.choices import Criticality, RiskLevel, Severity

NOTHING = "–"
_SEVERITIES = tuple(reversed(Severity))


@dataclass(frozen=True, slots=True)
class Table:
    """Cells of the first column head their rows. `note` says what a reader could take for something else."""

    id: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    note: str = ""
    empty: str = "There is nothing to show for this period."


def shown(value: float | int | None, unit: str = "") -> str:
    """Return a figure as people read it. Of what is unknown, a dash."""
    if value is None:
        return NOTHING
    text = f"{value:,.1f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"
    return f"{text} {unit}".rstrip()


def percent(value: float | None) -> str:
    return NOTHING if value is None else f"{value * 100:.1f} %"


def of(part: int, whole: int, what: str) -> str:
    return f"{part:,} of {whole:,} {what}"


def tables_of(figures: Quality) -> dict[str, Table]:
    """Return all tables by the name that the page's template knows them by."""
    tables = (
        _cases(figures), _ages(figures), _months(figures), _categories(figures), _suppliers(figures),
        _delivered(figures), _delivered_by_month(figures), _actions(figures), _certificates(figures),
        _ending(figures), _levels(figures),
    )  # fmt: skip
    return {table.id.replace("-", "_"): table for table in tables}


def _cases(figures: Quality) -> Table:
    closing, late, in_time = figures.time_to_close, figures.overdue, figures.on_time_closure
    contained, repeats = figures.containment, figures.repeats
    gaps, again, cost = figures.closed_with_gaps, figures.reopened, figures.cost
    rows = [
        ("Open", shown(figures.open["n"]), f"median age {shown(figures.open['median_age_days'], 'days')}"),
        ("Overdue", percent(late["rate"]), of(late["overdue"], late["n"], "open")),
        ("Days to close, mean", shown(closing["mean_days"]), f"{closing['n']:,} closed"),
        ("Days to close, median", shown(closing["median_days"]), f"{closing['n']:,} closed"),
        ("Days to close, of 90 % at most", shown(closing["p90_days"]), f"{closing['n']:,} closed"),
        ("Closed on time", percent(in_time["rate"]), of(in_time["on_time"], in_time["n"], "closed with a due date")),
        ("Hours to containment, median", shown(contained["median_hours"]), f"{contained['n']:,} contained"),
        (
            "Contained within target", percent(contained["rate"]),
            of(contained["within_target"], contained["n"], "contained"),
        ),
        ("Open and not contained", shown(contained["open_not_contained"]), f"{figures.open['n']:,} open"),
        ("Repeats", percent(repeats["rate"]), of(repeats["repeats"], repeats["n"], "recorded")),
        ("Closed with gaps in evidence", percent(gaps["rate"]), of(gaps["with_gaps"], gaps["n"], "closed")),
        ("Had been reopened", percent(again["rate"]), of(again["reopened"], again["n"], "closed")),
        ("Cost", cost["total"] or NOTHING, f"entered for {cost['n']:,} of {repeats['n']:,} recorded"),
    ]  # fmt: skip
    return Table("cases", "Cases", ("Figure", "Value", "Rests on"), rows)


def _ages(figures: Quality) -> Table:
    columns = ("Days", *(str(each.label) for each in _SEVERITIES), "All")
    rows = [(row["days"], *(row[each.value] for each in _SEVERITIES), row["n"]) for row in figures.open["by_age"]]
    return Table("ages", "Open cases by age", columns, rows if figures.open["n"] else [], empty="No case is open.")


def _months(figures: Quality) -> Table:
    columns = (
        "Month",
        "Recorded",
        "Closed",
        "Closed / recorded",
        "Open at the end",
        *(str(e.label) for e in _SEVERITIES),
    )
    rows = [
        (
            row["month"], row["opened"], row["closed"], percent(row["closed_per_opened"]), row["backlog"],
            *(row["backlog_by_severity"][each.value] for each in _SEVERITIES),
        )
        for row in figures.by_month
    ]  # fmt: skip
    return Table("months", "Cases by month", columns, rows)


def _categories(figures: Quality) -> Table:
    words = dict(Category.choices)
    rows = [
        (words.get(row["category"], "Not said"), row["n"], percent(row["share"]), percent(row["cumulative"]))
        for row in figures.pareto_category
    ]
    return Table("categories", "Cases recorded, by category", ("Category", "Cases", "Share", "Cumulative"), rows)


def _suppliers(figures: Quality) -> Table:
    rows = [
        (_supplier(row), row["n"], percent(row["share"]), percent(row["cumulative"])) for row in figures.pareto_supplier
    ]
    title, note = "Cases recorded, by supplier", "The twenty with most cases. The first ten are drawn."
    return Table("suppliers", title, ("Supplier", "Cases", "Share", "Cumulative"), rows, note)


def _supplier(row: dict[str, Any]) -> SafeString:
    return link(reverse("admin:suppliers_supplier_change", args=(row["supplier_id"],)), row["name"])


def _delivered(figures: Quality) -> Table:
    names = {"period": "Period", "last_3_months": "Last 3 full months", "last_12_months": "Last 12 full months"}
    rows = [(name, *_of_months(figures.ppm[key])) for key, name in names.items()]
    lots = figures.ppm["nc_per_100_lots"]
    note = f"Cases per 100 lots: {shown(lots['rate'])}, of {lots['n']:,} cases and {shown(lots['lots'])} lots"
    note += f", {shown(figures.ppm['rejected_lots'])} rejected and {shown(figures.ppm['late_lots'])} late."
    return Table("delivered", "Defective pieces of a million (PPM)", _PPM_COLUMNS, rows, note)


_PPM_COLUMNS = ("Months", "From", "To", "Received", "Defective", "PPM")


def _of_months(row: dict[str, Any]) -> tuple[Any, ...]:
    first, last = row["first_month"] or NOTHING, row["last_month"] or NOTHING
    return (first, last, shown(row["received"]), shown(row["defective"]), shown(row["ppm"]))


def _delivered_by_month(figures: Quality) -> Table:
    rows = [
        (row["first_month"], shown(row["received"]), shown(row["defective"]), shown(row["ppm"]))
        for row in figures.ppm["by_month"]
    ]
    known = any(row["received"] is not None for row in figures.ppm["by_month"])
    return Table(
        "delivered-by-month", "PPM by month", ("Month", "Received", "Defective", "PPM"), rows if known else [],
        "Below 500 pieces received there is no PPM.", "Nobody has recorded what was delivered.",
    )  # fmt: skip


def _actions(figures: Quality) -> Table:
    actions = figures.actions
    rows = [
        ("Overdue", percent(actions["overdue_rate"]), of(actions["overdue"], actions["running"], "running")),
        ("Days until done, mean", shown(actions["mean_days_to_done"]), f"{actions['done']:,} done"),
        ("Effective", percent(actions["effectiveness"]), of(actions["effective"], actions["verified"], "verified")),
    ]
    return Table("actions", "Actions", ("Figure", "Value", "Rests on"), rows)


def _certificates(figures: Quality) -> Table:
    found = figures.certificates
    current = f"{found['n']:,} current"
    rows = [
        ("Expired", shown(found["expired"]), current),
        *((f"End within {days} days", shown(found[f"expiring_{days}_days"]), current) for days in (30, 60, 90)),
        ("Not verified", shown(found["unverified"]), current),
        ("On a superseded edition", shown(found["on_superseded_edition"]), current),
        ("Required and missing", shown(found["missing"]), f"{figures.suppliers['n']:,} suppliers"),
        (
            "Approved suppliers with all proven", percent(found["coverage"]),
            of(found["suppliers_proven"], found["suppliers_that_must_prove"], "that must prove a standard"),
        ),
    ]  # fmt: skip
    return Table("certificates", "Certificates", ("Figure", "Value", "Rests on"), rows)


def _ending(figures: Quality) -> Table:
    rows = [(row["month"], row["n"]) for row in figures.certificates["ending_by_month"]]
    some = any(n for _, n in rows)
    empty = "No current certificate ends in this time."
    return Table(
        "ending",
        "Certificates by the month in which they end",
        ("Month", "Certificates"),
        rows if some else [],
        "",
        empty,
    )


def _levels(figures: Quality) -> Table:
    rows = [
        (
            str(RiskLevel(row["level"]).label), *(row[each.value] for each in Criticality),
            figures.suppliers["by_level"][row["level"]],
        )
        for row in reversed(figures.suppliers["by_level_and_criticality"])
    ]  # fmt: skip
    found = figures.suppliers
    without = found["not_assessed_by_criticality"]
    rows.append((NOT_ASSESSED, *(without[each.value] for each in Criticality), found["not_assessed"]))
    note = f"In 30 days the score of {found['worse_by_10_in_30_days']:,} rose by 10 points or more, "
    note += f"and that of {found['better_by_10_in_30_days']:,} fell by as much."
    columns = ("Risk level", *(f"Criticality {each.value}" for each in Criticality), "All")
    return Table("levels", "Suppliers by risk level and criticality", columns, rows, note)
