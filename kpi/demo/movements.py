"""
The movements of the demo, told once more with the days of its past.

The database has noted today how each record came about, because it was recorded today. Movements are append-only. So
what counts today is taken off by a movement of today, and then added as it came about in the past. The sum until now
stays what it is. That the past was told by rows stands in FiguresBegin, and so on the page of figures.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from kpi.models import (
    ActionMovement,
    CaseMovement,
    CertificateMovement,
    FiguresBegin,
    Movement,
    SummedDay,
    SupplierMovement,
    VolumeMovement,
)
from ncs.demo.days import NEVER, CertificateDays, Days, VolumeDays, certificates_on, day_of, days_of
from ncs.models import CorrectiveAction
from qhse import clock
from suppliers.choices import SupplierStatus
from suppliers.coverage import kept_of
from suppliers.demo import Past
from suppliers.models import RiskAssessment

Columns = dict[str, Any]
Step = tuple[date, Columns | None]
"""A day, and what a record counts as from then on: the columns of its movement. None: it does not count."""

_DELIVERING = (SupplierStatus.APPROVED, SupplierStatus.CONDITIONAL)
_CONCLUDED = ("level", "score", "override_level", "override_until")
_FIGURES = ("received", "defective", "lots", "rejected_lots", "late_lots")
_NOT_CLOSED: Columns = {"closed_on": None, "closed_days": None, "has_gaps": False}
_NOT_CONTAINED: Columns = {"contained_on": None, "contained_hours": None}
_NOT_VERIFIED: Columns = {"verified_on": None, "is_effective": None}
_NOT_DONE: Columns = {"is_running": True, "done_on": None, "done_days": None}


def retell_movements(pasts: Collection[Past]) -> None:
    """
    Tell the movements of these suppliers with their days in the past.

    Where days are summed already, nothing is told: nobody would read it, and sums stay as they are. Raises
    ImproperlyConfigured in production.
    """
    if settings.PRODUCTION:
        raise ImproperlyConfigured("no past is made up in production")
    if SummedDay.objects.exists():
        return
    today = clock.today()
    days = days_of(past.supplier_id for past in pasts)
    told: dict[Any, list[list[Step]]] = {
        CaseMovement: [_of_case(noted) for noted in _noted(CaseMovement, "nc_id", days)],
        ActionMovement: _of_actions(_noted(ActionMovement, "action_id", days)),
        CertificateMovement: [_of_certificate(each) for of in days.values() for each in of.certificates],
        VolumeMovement: [_of_volume(each) for of in days.values() for each in of.volumes],
    }
    last = {noted["supplier_id"]: noted for noted in _noted(SupplierMovement, "supplier_id", days)}
    told[SupplierMovement] = [
        [*_of_supplier(past, days[past.supplier_id], today), (today, last[past.supplier_id])] for past in pasts
    ]
    for model, records in told.items():
        model._default_manager.bulk_create(
            [row for steps in records for row in _rows(model, steps, today)], batch_size=500
        )
    FiguresBegin.objects.get_or_create(defaults={"day": today})


def _noted(model: Any, key: str, supplier_ids: Iterable[int]) -> list[Columns]:
    """Return what each record counts as now: its last movement says it."""
    found = model._default_manager.filter(n=1, supplier_id__in=list(supplier_ids)).order_by("id")
    last = {row[key]: row for row in found.values()}
    return [{name: value for name, value in row.items() if name not in ("id", "day", "n")} for row in last.values()]


def _rows(model: Any, steps: list[Step], today: date) -> Iterator[Movement]:
    """Yield what takes off what counts today, and then how it came about. The last one is what counts today."""
    _, present = steps[-1]
    if present is not None:
        yield model(day=today, n=-1, **_negative(present))
    before: Columns | None = None
    for day, columns in steps:
        if columns == before:
            continue
        if before is not None:
            yield model(day=day, n=-1, **_negative(before))
        if columns is not None:
            yield model(day=day, n=1, **columns)
        before = columns


def _negative(columns: Columns) -> Columns:
    """Figures of deliveries are below zero in what takes them off: they add up as they stand."""
    return {name: -value if name in _FIGURES else value for name, value in columns.items()}


# --- How each kind of record came about -------------------------------------------------------------------------------


def _of_case(present: Columns) -> list[Step]:
    steps: list[Step] = [(present["created_on"], present | _NOT_CLOSED | _NOT_CONTAINED)]
    if present["contained_on"]:
        steps.append((present["contained_on"], present | _NOT_CLOSED))
    if present["closed_on"]:
        steps.append((present["closed_on"], present))
    return steps


def _of_actions(noted: list[Columns]) -> list[list[Step]]:
    ids = [present["action_id"] for present in noted]
    agreed = dict(CorrectiveAction.objects.filter(pk__in=ids).values_list("pk", "created_at"))
    return [_of_action(present, day_of(agreed[present["action_id"]])) for present in noted]


def _of_action(present: Columns, agreed: date) -> list[Step]:
    steps: list[Step] = [(agreed, present | _NOT_VERIFIED | _NOT_DONE)]
    if present["done_on"]:
        steps.append((present["done_on"], present | _NOT_VERIFIED))
    if present["verified_on"]:
        steps.append((present["verified_on"], present))
    return steps


def _of_certificate(each: CertificateDays) -> list[Step]:
    row = each.row
    columns = {
        "supplier_id": row.supplier_id, "certificate_id": row.pk, "standard": row.standard, "edition": row.edition,
        "valid_to": row.valid_to, "is_verified": False,
    }  # fmt: skip
    steps: list[Step] = [(each.handed_in, columns)]
    if each.verified != NEVER:
        steps.append((each.verified, columns | {"is_verified": True}))
    if each.decided != NEVER:
        steps.append((each.decided, None))
    return steps


def _of_volume(each: VolumeDays) -> list[Step]:
    row = each.row
    figures = (row.received_qty, row.defective_qty, row.received_lots, row.rejected_lots, row.late_lots)
    columns = {"supplier_id": row.supplier_id, "month": row.month}
    return [(each.noted, columns | dict(zip(_FIGURES, figures, strict=True)))]


def _of_supplier(past: Past, of: Days, today: date) -> Iterator[Step]:
    """Yield how a supplier counted on each day on which something was concluded or decided, or a certificate began."""
    concluded = RiskAssessment.objects.filter(supplier=past.supplier_id).order_by("id")
    scores = {row.pop("day"): row for row in concluded.values("day", *_CONCLUDED)}
    others = {day for each in of.certificates for day in (each.row.valid_from, *each[1:])}
    others |= {day_of(since) for values in (past.required, past.status) for since, _ in values.known}
    known: Columns | None = None
    for day in sorted(day for day in scores.keys() | others if day <= today):
        known = scores.get(day, known)
        if known is not None:
            yield day, known | _columns_of(past, of, day)


def _columns_of(past: Past, of: Days, day: date) -> Columns:
    required = past.required.on(day)
    current = [each for each in certificates_on(day, of) if each.is_current]
    kept = kept_of(required, current, today=day)
    must_prove = past.status.on(day) in _DELIVERING and bool(required)
    return {
        "supplier_id": past.supplier_id,
        "criticality": past.part.criticality,
        "must_prove": must_prove,
        "missing": kept["cert_missing"],
        "proven_until": kept["cert_proven_until"] if must_prove else None,
    }
