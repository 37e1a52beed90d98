"""Concluding suppliers' risk anew: for the worker's handlers, its daily job, and the command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

from django.db import transaction
from django.db.models import ExpressionWrapper
from django.db.models.functions import Now

from audit.models import AuditEntry
from audit.services import entry_for, record_all
from outbox.events import DomainEvent
from outbox.publisher import publish_all
from qhse import clock
from qhse.database import bound_transaction
from qhse.queries import Given, WrittenUpdate
from suppliers.coverage import kept_of
from suppliers.events import SupplierRiskChanged, SupplierRiskOverridden
from suppliers.figures import figures_of
from suppliers.models import RiskAssessment, Supplier
from suppliers.risk import RULE_VERSION, Assessment, SupplierFigures, assess

DAILY, COMMAND, OVERRIDE = "daily", "command", "override"
MOVED = 5
"""A score that moves by so many points within its level is told to others, too."""
AT_ONCE = 100
"""Suppliers of one piece of the daily job: a quarter of a second of a worker's time, which events meanwhile wait."""

_NO_OVERRIDE: dict[str, Any] = {
    "override_level": "", "override_reason": "", "override_until": None, "override_by_id": None,
}  # fmt: skip
_CHANGEABLE = (
    "risk_level", "risk_score", "risk_reasons", "risk_at_risk", "risk_rule_version", "risk_confidence",
    *_NO_OVERRIDE,
)  # fmt: skip
_FIELDS = {field.attname: field for field in Supplier._meta.concrete_fields}
_conclusion = WrittenUpdate(
    lambda: Supplier.objects.filter(pk=Given("pk", _FIELDS["id"])),
    # Wrapped, because a field of JSON would take the value out of a bare one when the statement is written.
    **{
        _FIELDS[name].name: ExpressionWrapper(Given(name, _FIELDS[name]), output_field=_FIELDS[name])
        for name in _CHANGEABLE
    },
    risk_assessed_at=Now(),
)
_KEPT = ("cert_ends_on", "cert_missing", "cert_unverified", "cert_proven_until")
_kept = WrittenUpdate(
    lambda: Supplier.objects.filter(pk=Given("pk", _FIELDS["id"])),
    **{name: Given(name, _FIELDS[name]) for name in _KEPT},
)


@transaction.atomic
def reassess_suppliers(
    *,
    supplier_ids: Iterable[int],
    request_ids: Mapping[int, str] | None = None,
    causes: Mapping[int, str] | None = None,
    cause: str = COMMAND,
    today: date | None = None,
) -> list[int]:
    """
    Store the risk of these suppliers as it is now; return the ids of those whose level changed.

    Where score, level, lines, confidence, `is_at_risk`, the rule or the override is another one, it is stored on the
    supplier and as a RiskAssessment. A changed level, and a score that moves by MOVED points, leave an audit entry by
    the system and a SupplierRiskChanged event. An override whose last day is past is taken off, with an entry and an
    event of its own. `cert_*` is brought up to the day, so that a certificate counts from its first day on without
    anybody writing. All of that is one transaction.

    The database tells the state, not an event's payload: events may come late, twice or together. Locks the suppliers
    in the order of their ids, so that two workers cannot deadlock. Passed over are unknown ids and suppliers that have
    been merged into others.

    `request_ids` names the request that caused it, by supplier, and `causes` the type of the event; without one it is
    `cause`. `today` is a date in UTC. Without one it is the database's, read with the suppliers.
    """
    found = _rows().filter(pk__in=sorted(set(supplier_ids)))
    locked = found.select_for_update(no_key=True, of=("self",))
    return _reassess(list(locked), request_ids or {}, causes or {}, cause, today)


@transaction.atomic
def reassess_unseen(*, at_most: int = AT_ONCE) -> bool:
    """
    Reassess suppliers that nobody has looked at today, in UTC; true if there may be more.

    So expiry, the decay of what was closed, due dates and the end of overrides come in on days on which nothing else
    happens, and days without a worker are caught up. Passes over suppliers that somebody has locked: another worker
    does them now, or they are done the next time.
    """
    bound_transaction(lock=1, statement=5)
    midnight = datetime.combine(clock.today(), time.min, UTC)
    unseen = _rows().not_assessed_since(midnight)
    rows = list(unseen.select_for_update(no_key=True, of=("self",), skip_locked=True)[:at_most])
    _reassess(rows, {}, {}, DAILY, None)
    return len(rows) == at_most


def _rows() -> Any:
    return Supplier.objects.standing().annotate(day=clock.TODAY).order_by("pk")


@dataclass(slots=True)
class _Told:
    """What a reassessment leaves behind beside the suppliers' rows."""

    history: list[RiskAssessment] = field(default_factory=list)
    entries: list[AuditEntry] = field(default_factory=list)
    events: list[tuple[DomainEvent, str | None]] = field(default_factory=list)

    def add(self, entry: AuditEntry, event: DomainEvent, request_id: str | None) -> None:
        self.entries.append(entry)
        self.events.append((event, request_id))


def _reassess(
    suppliers: Sequence[Supplier],
    request_ids: Mapping[int, str],
    causes: Mapping[int, str],
    cause: str,
    today: date | None,
) -> list[int]:
    """Reassess these locked suppliers."""
    if not suppliers:
        return []
    day = today or suppliers[0].day  # type: ignore[attr-defined]
    figures = figures_of(suppliers, today=day)
    _count_certificates(suppliers, figures, day)
    told, stored, levels = _Told(), [], []
    for supplier in suppliers:
        assessment = assess(figures[supplier.pk], today=day)
        has_ended = supplier.override_until is not None and supplier.override_until < day
        if not has_ended and not _differs(supplier, assessment):
            continue
        why, request_id = causes.get(supplier.pk, cause), request_ids.get(supplier.pk)
        if has_ended:
            _tell_end(told, supplier, assessment, request_id)
        if supplier.risk_level != assessment.level or abs(supplier.risk_score - assessment.score) >= MOVED:
            told.add(_entry(supplier, assessment, request_id), _event(supplier, assessment, why), request_id)
        if supplier.risk_level != assessment.level:
            levels.append(supplier.pk)
        _conclude(supplier, assessment, has_ended)
        told.history.append(assessment_of(supplier, day=day, cause=why))
        stored.append(supplier)
    _store(suppliers, stored, told)
    return levels


def _count_certificates(suppliers: Sequence[Supplier], figures: Mapping[int, SupplierFigures], day: date) -> None:
    """Store `cert_*` of these locked suppliers where the day has made something else of it."""
    differing = []
    for supplier in suppliers:
        current = [each for each in figures[supplier.pk].certificates if each.is_current]
        kept = kept_of(supplier.required_standards, current, today=day)
        if any(getattr(supplier, name) != value for name, value in kept.items()):
            differing.append({"pk": supplier.pk, **kept})
    if differing:
        _kept.run_many(differing)


def _differs(supplier: Supplier, assessment: Assessment) -> bool:
    before = (
        supplier.risk_score, supplier.risk_level, supplier.risk_at_risk, supplier.risk_confidence,
        supplier.risk_rule_version, supplier.risk_reasons,
    )  # fmt: skip
    return supplier.risk_assessed_at is None or before != (
        assessment.score, assessment.level, assessment.is_at_risk, assessment.confidence,
        RULE_VERSION, [line.as_dict() for line in assessment.lines],
    )  # fmt: skip


def _conclude(supplier: Supplier, assessment: Assessment, has_ended: bool) -> None:
    supplier.risk_level, supplier.risk_score = assessment.level, assessment.score
    supplier.risk_reasons = [line.as_dict() for line in assessment.lines]
    supplier.risk_at_risk, supplier.risk_confidence = assessment.is_at_risk, assessment.confidence
    supplier.risk_rule_version = RULE_VERSION
    if has_ended:
        for name, value in _NO_OVERRIDE.items():
            setattr(supplier, name, value)


def assessment_of(supplier: Supplier, *, day: date, cause: str) -> RiskAssessment:
    """Return the row of the history that says what stands on the supplier now. It is not stored yet."""
    return RiskAssessment(
        supplier_id=supplier.pk,
        day=day,
        score=supplier.risk_score,
        level=supplier.risk_level,
        is_at_risk=supplier.risk_at_risk,
        lines=supplier.risk_reasons,
        rule_version=supplier.risk_rule_version,
        confidence=supplier.risk_confidence,
        cause=cause,
        override_level=supplier.override_level,
        override_reason=supplier.override_reason,
        override_until=supplier.override_until,
        override_by_id=supplier.override_by_id,
    )


def _store(suppliers: Sequence[Supplier], stored: list[Supplier], told: _Told) -> None:
    known = {supplier.pk for supplier in stored}
    seen = [supplier.pk for supplier in suppliers if supplier.pk not in known]
    if seen:
        Supplier.objects.filter(pk__in=seen).update(risk_assessed_at=Now())
    if stored:
        _conclusion.run_many([{name: getattr(supplier, name) for name in ("pk", *_CHANGEABLE)} for supplier in stored])
        RiskAssessment.objects.bulk_create(told.history, batch_size=500)
    if told.events:
        record_all(told.entries)
        publish_all(told.events, actor=None)


def _entry(supplier: Supplier, assessment: Assessment, request_id: str | None) -> AuditEntry:
    changes = {
        "risk_level": (supplier.risk_level, str(assessment.level)),
        "risk_score": (supplier.risk_score, assessment.score),
    }
    return entry_for(
        actor=None,
        action="SUPPLIER_RISK_CHANGED",
        entity_type="supplier",
        entity_id=supplier.pk,
        changes={name: pair for name, pair in changes.items() if pair[0] != pair[1]},
        reason="; ".join(line.detail for line in assessment.lines),
        request_id=request_id,
    )


def _event(supplier: Supplier, assessment: Assessment, cause: str) -> SupplierRiskChanged:
    return SupplierRiskChanged(
        supplier_id=supplier.pk,
        old_level=supplier.risk_level,
        new_level=str(assessment.level),
        score=assessment.score,
        reasons=[{"code": each.code, "detail": each.detail, "points": each.points} for each in assessment.lines],
        rule_version=RULE_VERSION,
        old_score=supplier.risk_score,
        confidence=str(assessment.confidence),
        cause=cause,
    )


def _tell_end(told: _Told, supplier: Supplier, assessment: Assessment, request_id: str | None) -> None:
    """Tell that an override has come to its end by itself."""
    entry = entry_for(
        actor=None,
        action="SUPPLIER_RISK_OVERRIDDEN",
        entity_type="supplier",
        entity_id=supplier.pk,
        changes={
            "override_level": (supplier.override_level, ""),
            "override_until": (supplier.override_until, None),
            "override_reason": (supplier.override_reason, ""),
        },
        reason=f"Its last day was {supplier.override_until}",
        request_id=request_id,
    )
    event = SupplierRiskOverridden(
        supplier_id=supplier.pk,
        level=None,
        previous=supplier.override_level,
        until=None,
        reason=f"Its last day was {supplier.override_until}",
        computed_level=str(assessment.level),
        score=assessment.score,
    )
    told.add(entry, event, request_id)
