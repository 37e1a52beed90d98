"""What the rows of a demo supplier say of a day in the past: what `suppliers.figures` would have gathered then."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from django.conf import settings

from ncs.choices import ActionStatus
from ncs.models import CorrectiveAction, NonConformity
from suppliers.choices import CertificateStatus, Severity
from suppliers.demo import Past
from suppliers.figures import months_before
from suppliers.models import Certificate, SupplierVolume
from suppliers.risk import CaseFigures, CertificateFigure, ClosedCase, SupplierFigures, VolumeFigures
from suppliers.risk.weights import WINDOW_DAYS

NEVER = date.max


class CaseDays(NamedTuple):
    id: int
    severity: str
    opened: date
    closed: date
    due: date
    is_repeat: bool


class ActionDays(NamedTuple):
    id: int
    nc_id: int
    agreed: date
    done: date
    due: date
    failed: date


class CertificateDays(NamedTuple):
    row: Certificate
    handed_in: date
    verified: date
    decided: date


class VolumeDays(NamedTuple):
    row: SupplierVolume
    noted: date


@dataclass(slots=True)
class Days:
    """The rows of one supplier, with the days in UTC on which something became of them. NEVER for what did not."""

    cases: list[CaseDays] = field(default_factory=list)
    actions: list[ActionDays] = field(default_factory=list)
    certificates: list[CertificateDays] = field(default_factory=list)
    volumes: list[VolumeDays] = field(default_factory=list)
    happened: list[tuple[datetime, str]] = field(default_factory=list)


def days_of(supplier_ids: Iterable[int]) -> dict[int, Days]:
    """Return the rows of these suppliers as they stand after the seed."""
    found: dict[int, Days] = defaultdict(Days)
    ids = list(supplier_ids)
    for case in NonConformity.objects.filter(supplier__in=ids).defer("description", "search_key").order_by("id"):
        of, is_repeat = found[case.supplier_id], case.repeat_of_id is not None
        opened, closed = day_of(case.created_at), day_of(case.closed_at)
        of.cases.append(CaseDays(case.pk, case.severity, opened, closed, case.due_on or NEVER, is_repeat))
        _note(of, (case.created_at, "NC_CREATED"), (case.closed_at, "NC_CLOSED"))
    for action in CorrectiveAction.objects.filter(nc__supplier__in=ids).select_related("nc").order_by("id"):
        of, failed = found[action.nc.supplier_id], action.status == ActionStatus.INEFFECTIVE
        agreed, done = day_of(action.created_at), day_of(action.done_at)
        fell = day_of(action.verified_at) if failed else NEVER
        of.actions.append(ActionDays(action.pk, action.nc_id, agreed, done, action.due_on, fell))
        _note(of, (action.verified_at, "CAPA_VERIFIED"))
    for row in Certificate.objects.filter(supplier__in=ids).order_by("id"):
        of, moments = found[row.supplier_id], (row.submitted_at, row.verified_at, row.decided_at)
        of.certificates.append(CertificateDays(row, *(day_of(moment) for moment in moments)))
        last = f"CERTIFICATE_{row.status.upper()}"
        _note(of, *zip(moments, ("CERTIFICATE_SUBMITTED", "CERTIFICATE_VERIFIED", last), strict=True))
    for volume in SupplierVolume.objects.filter(supplier__in=ids).order_by("id"):
        of = found[volume.supplier_id]
        of.volumes.append(VolumeDays(volume, day_of(volume.updated_at)))
        _note(of, (volume.updated_at, "SUPPLIER_VOLUME_SET"))
    return found


def _note(of: Days, *happened: tuple[datetime | None, str]) -> None:
    of.happened += [(moment, cause) for moment, cause in happened if moment is not None]


def day_of(moment: datetime | None) -> date:
    return NEVER if moment is None else moment.astimezone(UTC).date()


def figures_on(day: date, past: Past, days: Days) -> SupplierFigures:
    """Return what the risk rule would have looked at, at the end of a day."""
    is_open = [case for case in days.cases if case.opened <= day < case.closed]
    return SupplierFigures(
        certification_expiry=past.declared.on(day),
        nc_open=len(is_open),
        nc_open_high=sum(case.severity == Severity.HIGH for case in is_open),
        nc_open_medium=sum(case.severity == Severity.MEDIUM for case in is_open),
        cases=_cases(day, days, is_open),
        required=past.required.on(day),
        certificates=tuple(certificates_on(day, days)),
        volumes=_volumes(day, days),
        ppm_target=settings.RISK_PPM_TARGET,
        supplier_id=past.supplier_id,
    )


def certificates_on(day: date, days: Days) -> Iterator[CertificateFigure]:
    """Yield the certificates that had been handed in, with their statuses of that day."""
    for row, handed_in, verified, decided in days.certificates:
        if handed_in > day:
            continue
        status = CertificateStatus.SUBMITTED.value
        if decided <= day:
            status = row.status
        elif verified <= day:
            status = CertificateStatus.VERIFIED.value
        yield CertificateFigure(row.pk, row.standard, status, row.valid_from, row.valid_to)


def _cases(day: date, days: Days, is_open: list[CaseDays]) -> CaseFigures:
    since = day - timedelta(days=WINDOW_DAYS)
    ids = {case.id for case in is_open}
    return CaseFigures(
        open=tuple(case.id for case in is_open),
        closed=tuple(
            ClosedCase(case.id, case.severity, (day - case.closed).days)
            for case in days.cases
            if since <= case.closed <= day
        ),
        repeats=tuple(case.id for case in days.cases if case.is_repeat and since <= case.opened <= day),
        overdue=tuple(case.id for case in is_open if case.due < day),
        overdue_actions=tuple(
            each.id for each in days.actions if each.agreed <= day < each.done and each.due < day and each.nc_id in ids
        ),
        ineffective=tuple(each.id for each in days.actions if since <= each.failed <= day),
    )


def _volumes(day: date, days: Days) -> VolumeFigures:
    months = months_before(day)
    known = [row for row, noted in days.volumes if noted <= day and row.month in months]
    return VolumeFigures(
        received=sum(row.received_qty for row in known),
        defective=sum(row.defective_qty for row in known),
        months=tuple(row.pk for row in known),
    )
