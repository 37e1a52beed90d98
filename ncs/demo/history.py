"""
What the risk rule would have concluded of the demo's suppliers, day by day, from what their rows say of each day.

The history is append-only. So its rows are inserted with their days before the first assessment of today.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from ncs.choices import ActionStatus
from ncs.models import CorrectiveAction, NonConformity
from qhse import clock
from suppliers.choices import CertificateStatus, Severity
from suppliers.demo import DAYS, Past
from suppliers.figures import months_before
from suppliers.models import Certificate, RiskAssessment, SupplierVolume
from suppliers.reassessment import DAILY
from suppliers.risk import (
    RULE_VERSION,
    Assessment,
    CaseFigures,
    CertificateFigure,
    ClosedCase,
    SupplierFigures,
    VolumeFigures,
    assess,
)
from suppliers.risk.weights import WINDOW_DAYS

_AT_NIGHT = time(0, 3, tzinfo=UTC)


@dataclass(slots=True)
class Rows:
    """The rows of one supplier, as they stand after the seed."""

    cases: list[NonConformity] = field(default_factory=list)
    actions: list[CorrectiveAction] = field(default_factory=list)
    certificates: list[Certificate] = field(default_factory=list)
    volumes: list[SupplierVolume] = field(default_factory=list)


def rows_of(supplier_ids: Iterable[int]) -> dict[int, Rows]:
    found: dict[int, Rows] = defaultdict(Rows)
    ids = list(supplier_ids)
    for case in NonConformity.objects.filter(supplier__in=ids).defer("description", "search_key").order_by("id"):
        found[case.supplier_id].cases.append(case)
    for action in CorrectiveAction.objects.filter(nc__supplier__in=ids).select_related("nc").order_by("id"):
        found[action.nc.supplier_id].actions.append(action)
    for certificate in Certificate.objects.filter(supplier__in=ids).order_by("id"):
        found[certificate.supplier_id].certificates.append(certificate)
    for volume in SupplierVolume.objects.filter(supplier__in=ids).order_by("id"):
        found[volume.supplier_id].volumes.append(volume)
    return found


def seed_risk_history(pasts: Iterable[Past]) -> int:
    """Store what was concluded of each supplier since the eighteen months began. Return how many rows there are."""
    if settings.PRODUCTION:
        raise ImproperlyConfigured("no past is made up in production")
    pasts, today = list(pasts), clock.today()
    rows = rows_of(past.supplier_id for past in pasts)
    history = [each for past in pasts for each in _concluded(past, rows[past.supplier_id], today)]
    history.sort(key=lambda each: each.assessed_at)
    RiskAssessment.objects.bulk_create(history, batch_size=500)
    return len(history)


def _concluded(past: Past, rows: Rows, today: date) -> Iterator[RiskAssessment]:
    """Yield a row for each day on which something else was concluded than on the day before."""
    causes = _causes(past, rows)
    day = max(_day(past.created), today - timedelta(days=DAYS))
    before = None
    while day < today:
        concluded = assess(figures_on(day, past, rows), today=day)
        if concluded != before:
            moment, cause = causes.get(day, (datetime.combine(day, _AT_NIGHT), DAILY))
            yield _row(past.supplier_id, day, moment, cause, concluded)
            before = concluded
        day += timedelta(days=1)


def _row(supplier_id: int, day: date, moment: datetime, cause: str, concluded: Assessment) -> RiskAssessment:
    return RiskAssessment(
        supplier_id=supplier_id, day=day, assessed_at=moment, score=concluded.score, level=concluded.level,
        is_at_risk=concluded.is_at_risk, lines=[line.as_dict() for line in concluded.lines],
        rule_version=RULE_VERSION, confidence=concluded.confidence, cause=cause,
    )  # fmt: skip


def _causes(past: Past, rows: Rows) -> dict[date, tuple[datetime, str]]:
    """Return by day what happened last to the supplier, and when the worker had seen it."""
    seen: list[tuple[datetime | None, str]] = [(past.created, "SUPPLIER_CREATED")]
    seen += [(since, "SUPPLIER_CERT_UPDATED") for since, _ in past.declared.known[1:]]
    seen += [(since, "SUPPLIER_CORRECTED") for since, _ in past.required.known[1:]]
    for case in rows.cases:
        seen += [(case.created_at, "NC_CREATED"), (case.closed_at, "NC_CLOSED")]
    seen += [(action.verified_at, "CAPA_VERIFIED") for action in rows.actions]
    for each in rows.certificates:
        seen += [(each.submitted_at, "CERTIFICATE_SUBMITTED"), (each.verified_at, "CERTIFICATE_VERIFIED")]
        seen += [(each.decided_at, f"CERTIFICATE_{each.status.upper()}")]
    seen += [(volume.updated_at, "SUPPLIER_VOLUME_SET") for volume in rows.volumes]
    known = sorted((moment, cause) for moment, cause in seen if moment is not None)
    return {_day(moment): (moment + timedelta(seconds=1), cause) for moment, cause in known}


# --- What the rule looks at, as of the end of a day -------------------------------------------------------------------


def figures_on(day: date, past: Past, rows: Rows) -> SupplierFigures:
    """Return what `suppliers.figures` would have gathered at the end of that day."""
    is_open = [case for case in rows.cases if _is_open(case, day)]
    return SupplierFigures(
        certification_expiry=past.declared.on(day),
        nc_open=len(is_open),
        nc_open_high=sum(case.severity == Severity.HIGH for case in is_open),
        nc_open_medium=sum(case.severity == Severity.MEDIUM for case in is_open),
        cases=_cases(day, rows, is_open),
        required=past.required.on(day),
        certificates=tuple(certificates_on(day, rows)),
        volumes=_volumes(day, rows),
        ppm_target=settings.RISK_PPM_TARGET,
        supplier_id=past.supplier_id,
    )


def certificates_on(day: date, rows: Rows) -> Iterator[CertificateFigure]:
    for each in rows.certificates:
        if _day(each.submitted_at) > day:
            continue
        status = CertificateStatus.SUBMITTED.value
        if _was(each.decided_at, day):
            status = each.status
        elif _was(each.verified_at, day):
            status = CertificateStatus.VERIFIED.value
        yield CertificateFigure(each.pk, each.standard, status, each.valid_from, each.valid_to)


def _cases(day: date, rows: Rows, is_open: list[NonConformity]) -> CaseFigures:
    since = day - timedelta(days=WINDOW_DAYS)
    ids = {case.pk for case in is_open}
    return CaseFigures(
        open=tuple(case.pk for case in is_open),
        closed=tuple(
            ClosedCase(case.pk, case.severity, (day - _day(case.closed_at)).days)
            for case in rows.cases
            if _between(since, case.closed_at, day)
        ),
        repeats=tuple(
            case.pk for case in rows.cases if case.repeat_of_id is not None and _between(since, case.created_at, day)
        ),
        overdue=tuple(case.pk for case in is_open if case.due_on is not None and case.due_on < day),
        overdue_actions=tuple(
            each.pk
            for each in rows.actions
            if _was(each.created_at, day) and not _was(each.done_at, day) and each.due_on < day and each.nc_id in ids
        ),
        ineffective=tuple(
            each.pk
            for each in rows.actions
            if each.status == ActionStatus.INEFFECTIVE and _between(since, each.verified_at, day)
        ),
    )


def _volumes(day: date, rows: Rows) -> VolumeFigures:
    months = months_before(day)
    known = [each for each in rows.volumes if each.month in months and _was(each.updated_at, day)]
    return VolumeFigures(
        received=sum(each.received_qty for each in known),
        defective=sum(each.defective_qty for each in known),
        months=tuple(each.pk for each in known),
    )


def _day(moment: Any) -> date:
    found: date = moment.astimezone(UTC).date()
    return found


def _was(moment: datetime | None, day: date) -> bool:
    """Answer whether something had happened at the end of a day."""
    return moment is not None and _day(moment) <= day


def _between(first: date, moment: datetime | None, day: date) -> bool:
    return moment is not None and first <= _day(moment) <= day


def _is_open(case: NonConformity, day: date) -> bool:
    return _was(case.created_at, day) and not _was(case.closed_at, day)
