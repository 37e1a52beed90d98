"""What is counted of each supplier: which had most cases, and whose score moved."""

from __future__ import annotations

from datetime import date, timedelta
from heapq import nlargest
from itertools import repeat

from django.db.models import Q

from kpi.formulas import MOVED_DAYS, MOVED_POINTS
from kpi.measures import Measure
from kpi.models import SupplierTally
from kpi.movements.belated import UNSUMMED, reach
from kpi.movements.reading import Period, base_of, rows_of
from kpi.movements.tallies import add_day, add_total

MOST = 20
"""Suppliers that a Pareto table names. The share of the rest is what is left of the last cumulative one."""

_CHOSEN = (
    "SELECT m.supplier_id, SUM(m.n) FROM kpi_casemovement m WHERE {chosen} "
    "AND m.created_on >= %s AND m.created_on <= %s GROUP BY m.supplier_id HAVING SUM(m.n) <> 0"
)
_MOVEMENTS = _CHOSEN.format(chosen="m.day > %s AND m.day <= %s")
_BELATED = _CHOSEN.format(chosen=f"m.day <= %s AND {UNSUMMED.format(table='kpi_casemovement')}")
_BELATED_SUMS = (
    f"SELECT key, SUM(n) FROM kpi_belatedsum WHERE measure = {int(Measure.OPENED_SUPPLIER)} "
    "AND of_day >= %s AND of_day <= %s AND day <= %s AND round_no <= %s GROUP BY key"  # nosec B608: only texts of ours
)
_LATE = (
    "SELECT supplier_id, SUM(n) FROM kpi_latecase WHERE of_day >= %s AND of_day <= %s AND day <= %s "
    "GROUP BY supplier_id"
)
_MOVED = (
    f"SELECT COUNT(CASE WHEN change >= {MOVED_POINTS} THEN 1 END), "
    f"COUNT(CASE WHEN change <= -{MOVED_POINTS} THEN 1 END) "
    "FROM (SELECT SUM(m.n * m.score) AS change FROM kpi_suppliermovement m WHERE m.day > %s AND m.day <= %s{chosen} "
    "GROUP BY m.supplier_id HAVING SUM(m.n) = 0 AND SUM(CASE WHEN m.level = '' THEN m.n ELSE 0 END) = 0"
    ") AS moved"  # nosec B608: only texts of ours
)


def opened_by_supplier(period: Period, total: int, *, using: str = "default") -> list[tuple[int, int]]:
    """Return the suppliers with most cases recorded in the period, and their numbers. `total` is that of all."""
    if period.supplier_id is not None:
        return [(period.supplier_id, total)] if total else []
    counts: list[int] = []  # by the supplier's id
    first, last, as_of = (day.isoformat() for day in (period.first, period.last, period.as_of))
    summed = reach(using=using)
    until = min(summed.day, period.as_of) if summed.day else None
    if until is not None:
        end = min(period.last, until)
        if period.first <= end:
            _add_tallies(counts, end, 1, using)
            _add_tallies(counts, period.first - timedelta(days=1), -1, using)
        _add_rows(counts, _LATE, [first, last, until.isoformat()], using)
        if summed.has_sums:
            _add_rows(counts, _BELATED_SUMS, [first, last, until.isoformat(), str(summed.round_no)], using)
        if summed.has_unsummed:
            _add_rows(counts, _BELATED, [until.isoformat(), str(summed.round_no), first, last], using)
    _add_rows(counts, _MOVEMENTS, [until.isoformat() if until else "0001-01-01", as_of, first, last], using)
    most = nlargest(MOST, zip(counts, range(0, -len(counts), -1), strict=True))
    return [(-minus_id, n) for n, minus_id in most if n > 0]


def _add_tallies(counts: list[int], until: date, sign: int, using: str) -> None:
    """Add what was recorded until a day: of all days before a month, and of its days."""
    month = base_of(until)
    of_month = Q(day=month, is_total=True) | Q(day__gte=month, day__lte=until, is_total=False)
    tallies = SupplierTally.objects.using(using).filter(of_month)
    for is_total, stored in tallies.values_list("is_total", "counts"):
        (add_total if is_total else add_day)(counts, stored, sign)


def _add_rows(counts: list[int], statement: str, parameters: list[str], using: str) -> None:
    for key, n in rows_of(statement, parameters, using=using):
        counts.extend(repeat(0, key + 1 - len(counts)))
        counts[key] += int(n)


def movers(period: Period, *, using: str = "default") -> tuple[int, int]:
    """
    Return how many suppliers got worse and how many better by ten points or more, in thirty days until `as_of`.

    What a score was counts off and what it became counts on, so the sum over a time is what it changed by. One that
    was recorded, assessed for the first time, or merged into another, within it does not count: a first score is no
    rise from nought.
    """
    parameters = [(period.as_of - timedelta(days=MOVED_DAYS)).isoformat(), period.as_of.isoformat()]
    chosen = ""
    if period.supplier_id is not None:
        chosen = " AND m.supplier_id = %s"
        parameters.append(str(period.supplier_id))
    ((worse, better),) = rows_of(_MOVED.format(chosen=chosen), parameters, using=using)
    return worse, better
