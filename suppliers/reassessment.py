"""Concluding a supplier's risk anew, for the worker's handlers and the daily command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from django.db import transaction
from django.db.models.functions import Now

from audit.models import AuditEntry
from audit.services import entry_for, record_all
from outbox.events import DomainEvent
from outbox.publisher import publish_all
from qhse import clock
from suppliers.events import SupplierRiskChanged
from suppliers.models import Supplier
from suppliers.risk import RULE_VERSION, RiskAssessment, assess


@transaction.atomic
def reassess_suppliers(
    *, supplier_ids: Iterable[int], request_ids: Mapping[int, str] | None = None, today: date | None = None
) -> list[int]:
    """
    Store the risk of these suppliers as it is now; return the ids of those whose level changed.

    Each changed level leaves an audit entry by the system and a SupplierRiskChanged event, in the same transaction.
    The database tells the state, not an event's payload: events may come late, twice or together. Locks the suppliers
    in the order of their ids, so that two workers cannot deadlock. Unknown ids are passed over.

    `request_ids` names the request that caused it, by supplier. `today` is a date in UTC. Without one it is
    the database's, read with the suppliers.
    """
    causes = request_ids or {}
    suppliers = list(
        Supplier.objects.annotate(day=clock.TODAY)
        .select_for_update(no_key=True, of=("self",))
        .filter(pk__in=sorted(set(supplier_ids)))
        .order_by("pk")
    )
    changed: list[int] = []
    entries: list[AuditEntry] = []
    events: list[tuple[DomainEvent, str | None]] = []
    for supplier in suppliers:
        assessment = assess(supplier.figures, today=today or supplier.day)
        if assessment.level != supplier.risk_level:
            changed.append(supplier.pk)
            cause = causes.get(supplier.pk)
            entries.append(_entry(supplier, assessment, cause))
            events.append((_event(supplier, assessment), cause))
        supplier.risk_level = assessment.level
        supplier.risk_score = assessment.score
        supplier.risk_reasons = [reason.as_dict() for reason in assessment.reasons]
        supplier.risk_assessed_at = Now()
    if suppliers:
        Supplier.objects.bulk_update(
            suppliers, ["risk_level", "risk_score", "risk_reasons", "risk_assessed_at"], batch_size=500
        )
    if changed:
        record_all(entries)
        publish_all(events, actor=None)
    return changed


def _entry(supplier: Supplier, assessment: RiskAssessment, request_id: str | None) -> AuditEntry:
    return entry_for(
        actor=None,
        action="SUPPLIER_RISK_CHANGED",
        entity_type="supplier",
        entity_id=supplier.pk,
        changes={
            "risk_level": (supplier.risk_level, str(assessment.level)),
            "risk_score": (supplier.risk_score, assessment.score),
        },
        reason="; ".join(reason.detail for reason in assessment.reasons),
        request_id=request_id,
    )


def _event(supplier: Supplier, assessment: RiskAssessment) -> SupplierRiskChanged:
    return SupplierRiskChanged(
        supplier_id=supplier.pk,
        old_level=supplier.risk_level,
        new_level=str(assessment.level),
        score=assessment.score,
        reasons=[reason.as_dict() for reason in assessment.reasons],
        rule_version=RULE_VERSION,
    )
