"""The quality figures: what was counted until a day, put through the formulas."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings

from kpi import formulas
from kpi.errors import PeriodIsInvalid
from kpi.formulas import rate
from kpi.measures import SEVERITIES, Measure
from kpi.models import FiguresBegin
from kpi.movements.reading import Counted, Period, read
from kpi.movements.suppliers import movers, opened_by_supplier
from qhse import clock
from qhse.days import doubt
from suppliers.choices import Criticality, RiskLevel
from suppliers.errors import SupplierIsUnknown
from suppliers.models import Supplier
from suppliers.standards import SUPERSEDED

MONTHS = 13
DEFAULT_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Quality:
    """The figures of a period as they were known on a day. docs/domain.md defines each. None: there is no data."""

    as_of: date
    first: date
    last: date
    supplier_id: int | None
    exact_since: date | None
    open: dict[str, Any]
    time_to_close: dict[str, Any]
    overdue: dict[str, Any]
    on_time_closure: dict[str, Any]
    containment: dict[str, Any]
    repeats: dict[str, Any]
    ppm: dict[str, Any]
    actions: dict[str, Any]
    certificates: dict[str, Any]
    by_month: list[dict[str, Any]]
    pareto_category: list[dict[str, Any]]
    pareto_supplier: list[dict[str, Any]]
    suppliers: dict[str, Any]
    closed_with_gaps: dict[str, Any]
    reopened: dict[str, Any]
    cost: dict[str, Any]


def quality_figures(
    *,
    first: date | None = None,
    last: date | None = None,
    supplier_id: int | None = None,
    as_of: date | None = None,
    using: str = "default",
) -> Quality:
    """
    Return the figures as they were known at the end of `as_of`; of today, now. All days are days in UTC.

    Without a period it is the month of `as_of` with the eleven before it. What happened is counted in the period, what
    there is on `as_of`. A past day is answered as it was on that day: from rows that are only ever added.

    Raises PeriodIsInvalid, SupplierIsUnknown.
    """
    period = _period(first, last, supplier_id, as_of, clock.today())
    if supplier_id is not None and not Supplier.objects.using(using).filter(pk=supplier_id).exists():
        raise SupplierIsUnknown(f"There is no supplier {supplier_id}.", field="supplier_id")
    months_from = formulas.months_back(period.last, MONTHS - 1)
    counted = read(period, since=months_from, using=using)
    opened, closed = counted.total(Measure.OPENED), counted.total(Measure.CLOSED)
    return Quality(
        as_of=period.as_of,
        first=period.first,
        last=period.last,
        supplier_id=supplier_id,
        exact_since=FiguresBegin.objects.using(using).values_list("day", flat=True).first(),
        open=_open(counted, period.as_of),
        time_to_close=_time_to_close(counted),
        overdue=_overdue(counted, period.as_of),
        on_time_closure=_share(counted, Measure.ON_TIME, counted.total(Measure.WITH_DUE), "on_time"),
        containment=_containment(counted),
        repeats=_share(counted, Measure.REPEATS, opened, "repeats"),
        ppm=_ppm(counted, period, opened),
        actions=_actions(counted, period.as_of),
        certificates=_certificates(counted, period.as_of),
        by_month=_by_month(counted, months_from, period.last),
        pareto_category=_pareto_category(counted, opened),
        pareto_supplier=_pareto_supplier(period, opened, using),
        suppliers=_suppliers(counted, period, using),
        closed_with_gaps=_share(counted, Measure.WITH_GAPS, closed, "with_gaps"),
        reopened=_share(counted, Measure.REOPENED, closed, "reopened"),
        cost=_cost(counted),
    )


def _period(first: date | None, last: date | None, supplier_id: int | None, as_of: date | None, today: date) -> Period:
    for name, day in (("as_of", as_of), ("to", last), ("from", first)):
        if day is not None and (why := doubt(day)):
            raise PeriodIsInvalid(why, field=name)
    as_of = as_of or today
    if as_of > today:
        raise PeriodIsInvalid(f"What will be known on {as_of} cannot be said; today is {today}.", field="as_of")
    last = last or as_of
    if last > as_of:
        raise PeriodIsInvalid(f"The period ends on {last}, after {as_of}: of later nothing was known.", field="to")
    first = first or formulas.months_back(last, DEFAULT_MONTHS - 1)
    if first > last:
        raise PeriodIsInvalid(f"The period begins on {first}, after its end on {last}.", field="from")
    return Period(as_of=as_of, first=first, last=last, supplier_id=supplier_id)


def _share(counted: Counted, measure: Measure, whole: int, name: str) -> dict[str, Any]:
    part = counted.total(measure)
    return {"n": whole, name: part, "rate": rate(part, whole)}


def _open(counted: Counted, as_of: date) -> dict[str, Any]:
    bands = {name: dict.fromkeys(SEVERITIES, 0) for name, _, _ in formulas.AGE_BANDS}
    names = {code: name for name, code in SEVERITIES.items()}
    ages: dict[int, int] = {}
    for (created, code, _), n in counted.stocks[Measure.OPEN].items():
        days = formulas.age_in_days(created, as_of)
        bands[formulas.age_band(days)][names[code]] += n
        ages[days] = ages.get(days, 0) + n
    return {
        "n": sum(ages.values()),
        "by_severity": {name: sum(band[name] for band in bands.values()) for name in SEVERITIES},
        "by_age": [{"days": name, **band, "n": sum(band.values())} for name, band in bands.items()],
        "median_age_days": formulas.median(ages),
    }


def _time_to_close(counted: Counted) -> dict[str, Any]:
    days = counted.keys_of(Measure.CLOSED_DAYS)
    return {
        "n": sum(days.values()),
        "mean_days": formulas.mean(days),
        "median_days": formulas.median(days),
        "p90_days": formulas.percentile(days, 90),
    }


def _overdue(counted: Counted, as_of: date) -> dict[str, Any]:
    open_ = counted.total(Measure.OPEN)
    overdue = formulas.before(counted.days_of(Measure.DUE), as_of)
    return {"n": open_, "overdue": overdue, "rate": rate(overdue, open_)}


def _containment(counted: Counted) -> dict[str, Any]:
    hours = counted.keys_of(Measure.CONTAINED)
    n, target = sum(hours.values()), settings.NC_CONTAINMENT_HOURS
    in_time = sum(n for (each, severity), n in counted.flows[Measure.CONTAINED].items() if each <= target[severity])
    return {
        "n": n,
        "median_hours": formulas.median(hours),
        "within_target": in_time,
        "rate": rate(in_time, n),
        "open_not_contained": counted.total(Measure.UNCONTAINED),
    }


def _ppm(counted: Counted, period: Period, opened: int) -> dict[str, Any]:
    within = formulas.months_within(period.first, period.last)
    lots = _volume(counted, Measure.LOTS, *within)
    return {
        "period": _ppm_of(counted, *within),
        "last_3_months": _ppm_of(counted, *formulas.full_months(period.last, 3)),
        "last_12_months": _ppm_of(counted, *formulas.full_months(period.last, 12)),
        "nc_per_100_lots": {"n": opened, "lots": lots, "rate": formulas.per_hundred(opened, lots or 0)},
        "rejected_lots": _volume(counted, Measure.REJECTED_LOTS, *within),
        "late_lots": _volume(counted, Measure.LATE_LOTS, *within),
        "by_month": [
            _ppm_of(counted, month, month)
            for month in (formulas.months_back(period.last, back) for back in range(MONTHS - 1, -1, -1))
        ],
    }


def _volume(counted: Counted, measure: Measure, first: date, last: date) -> int | None:
    if not formulas.between(counted.days_of(Measure.VOLUME_MONTHS), first, last):
        return None
    return formulas.between(counted.days_of(measure), first, last)


def _ppm_of(counted: Counted, first: date, last: date) -> dict[str, Any]:
    received = _volume(counted, Measure.RECEIVED, first, last)
    defective = _volume(counted, Measure.DEFECTIVE, first, last)
    return {
        "first_month": f"{first:%Y-%m}" if first <= last else None,
        "last_month": f"{last:%Y-%m}" if first <= last else None,
        "received": received,
        "defective": defective,
        "ppm": formulas.ppm(defective or 0, received or 0),
    }


def _actions(counted: Counted, as_of: date) -> dict[str, Any]:
    due, done = counted.days_of(Measure.ACTION_DUE), counted.keys_of(Measure.ACTION_DONE)
    verified = counted.keys_of(Measure.ACTION_VERIFIED)
    running, late = sum(due.values()), formulas.before(due, as_of)
    return {
        "running": running,
        "overdue": late,
        "overdue_rate": rate(late, running),
        "done": sum(done.values()),
        "mean_days_to_done": formulas.mean(done),
        "verified": sum(verified.values()),
        "effective": verified[1],
        "effectiveness": rate(verified[1], sum(verified.values())),
    }


def _certificates(counted: Counted, as_of: date) -> dict[str, Any]:
    ends = counted.days_of(Measure.CERTIFICATE)
    of_edition = counted.stocks[Measure.CERTIFICATE_EDITION]
    former = {f"{standard}:{known.edition}" for standard, known in SUPERSEDED.items()}
    must_prove = counted.total(Measure.MUST_PROVE)
    proven = sum(n for day, n in counted.days_of(Measure.PROVEN).items() if day >= as_of)
    return {
        "n": sum(ends.values()),
        "expired": formulas.before(ends, as_of),
        **{f"expiring_{days}_days": formulas.ending_within(ends, as_of, days) for days in formulas.EXPIRING_DAYS},
        "unverified": sum(n for (_, key, _), n in counted.stocks[Measure.CERTIFICATE].items() if not key),
        "on_superseded_edition": sum(n for (_, _, word), n in of_edition.items() if word in former),
        "missing": counted.total(Measure.MISSING),
        "suppliers_that_must_prove": must_prove,
        "suppliers_proven": proven,
        "coverage": rate(proven, must_prove),
        "ending_by_month": [
            {"month": f"{month:%Y-%m}", "n": formulas.between(ends, max(month, as_of), formulas.last_of(month))}
            for month in (formulas.months_back(as_of, -later) for later in range(MONTHS))
        ],
    }


def _by_month(counted: Counted, first: date, last: date) -> list[dict[str, Any]]:
    """Return the months. What was open at the end of one is what is open now, as it was before all that came since."""
    backlog = dict.fromkeys(SEVERITIES, 0)
    names = {code: name for name, code in SEVERITIES.items()}
    for (_, code, _), n in counted.stocks[Measure.OPEN].items():
        backlog[names[code]] += n
    moved: dict[date, dict[Measure, dict[str, int]]] = {}
    for (measure, month, code), n in counted.months.items():
        of_month = moved.setdefault(month, {each: dict.fromkeys(SEVERITIES, 0) for each in _MONTHLY})
        of_month[measure][names[code]] += n
    rows: list[dict[str, Any]] = []
    month = max([formulas.months_back(last, 0), *moved])
    while month >= first:
        of_month = moved.get(month) or {each: dict.fromkeys(SEVERITIES, 0) for each in _MONTHLY}
        opened, closed = of_month[Measure.OPENED], of_month[Measure.CLOSED]
        number, done = sum(opened.values()), sum(closed.values())
        rows.append({
            "month": f"{month:%Y-%m}", "opened": number, "closed": done, "closed_per_opened": rate(done, number),
            "backlog": sum(backlog.values()), "backlog_by_severity": dict(backlog),
        })  # fmt: skip
        for name in SEVERITIES:
            backlog[name] += closed[name] - opened[name]
        month = formulas.months_back(month, 1)
    return rows[::-1][:MONTHS]


_MONTHLY = (Measure.OPENED, Measure.CLOSED)


def _pareto_category(counted: Counted, total: int) -> list[dict[str, Any]]:
    counts = [(word, n) for (_, word), n in counted.flows[Measure.OPENED_CATEGORY].items() if n]
    return [
        {"category": word, "n": n, "share": share, "cumulative": cumulative}
        for word, n, share, cumulative in formulas.pareto(counts, total)
    ]


def _pareto_supplier(period: Period, total: int, using: str) -> list[dict[str, Any]]:
    counts = opened_by_supplier(period, total, using=using)
    named = Supplier.objects.using(using).filter(pk__in=[pk for pk, _ in counts])
    names = dict(named.values_list("pk", "name")) if counts else {}
    return [
        {"supplier_id": pk, "name": names.get(pk, ""), "n": n, "share": share, "cumulative": cumulative}
        for pk, n, share, cumulative in formulas.pareto(counts, total)
    ]


def _suppliers(counted: Counted, period: Period, using: str) -> dict[str, Any]:
    found = counted.levels(period.as_of)
    grid = [
        {"level": level.value, **{each.value: found[f"{level}:{each}"] for each in Criticality}} for level in RiskLevel
    ]
    worse, better = movers(period, using=using)
    return {
        "n": sum(found.values()),
        "by_level": {row["level"]: sum(row[each.value] for each in Criticality) for row in grid},
        "by_level_and_criticality": grid,
        "not_assessed": sum(found[f":{each}"] for each in Criticality),
        "not_assessed_by_criticality": {each.value: found[f":{each}"] for each in Criticality},
        "worse_by_10_in_30_days": worse,
        "better_by_10_in_30_days": better,
    }


def _cost(counted: Counted) -> dict[str, Any]:
    n = counted.total(Measure.COSTED)
    return {"n": n, "total": f"{counted.total(Measure.COST) / 100:.2f}" if n else None}
