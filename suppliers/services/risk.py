"""Overriding the computed risk level: by a person, with a reason, until a day."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

from django.db import transaction

from audit.services import record
from outbox.publisher import publish
from qhse import clock
from qhse.accounts.models import User
from qhse.errors import AnotherPersonMust
from suppliers.choices import RiskLevel
from suppliers.errors import RiskIsNotAssessed, RiskOverrideIsInvalid
from suppliers.events import SupplierRiskOverridden
from suppliers.models import RiskAssessment, Supplier
from suppliers.overriding import OVERRIDE_DAYS, Set, last_day
from suppliers.reassessment import OVERRIDE, assessment_of
from suppliers.services.fields import demanded
from suppliers.services.storing import locked_supplier, store


@transaction.atomic
def override_risk(
    *,
    supplier_id: int,
    level: str | None,
    reason: str,
    until: date | None,
    actor: User,
    expected_versions: Collection[int] | None = None,
) -> Supplier:
    """
    Let a supplier be shown with another risk level than the computed one, until a day at most OVERRIDE_DAYS from now.

    None as the level ends an override. The score and the computed level stay as they are, and stay visible. The row, a
    RiskAssessment, an audit entry and a SupplierRiskOverridden event are stored together or not at all. Locks the
    supplier. What holds already changes and publishes nothing. What one person has set one after another ends at most
    OVERRIDE_DAYS after it began: then somebody else decides whether it goes on.

    Raises SupplierNotFound, SupplierIsMerged, RecordHasChanged, ReasonIsMissing, RiskOverrideIsInvalid,
    AnotherPersonMust; of a supplier that the worker has not assessed yet, RiskIsNotAssessed.
    """
    reason = demanded(reason, to="to override a risk")
    supplier = locked_supplier(supplier_id, expected_versions)
    _check(level, until, supplier.read_on)
    if _holds(supplier, level, reason, until):
        return supplier
    if supplier.risk_assessed_at is None:
        raise RiskIsNotAssessed(
            "The risk of this supplier is not assessed yet, so that there is nothing to override. The worker does it."
        )
    if until is not None:
        _demand_another(supplier, until, actor)
    before = supplier.override_level, supplier.override_until, supplier.override_reason
    _store(supplier, level, reason, until, actor)
    _tell(supplier, before, reason, actor)
    return supplier


def _check(level: str | None, until: date | None, today: date) -> None:
    if level is None:
        if until is not None:
            raise RiskOverrideIsInvalid("An end belongs to a level; without one the override ends now.", field="until")
        return
    if level not in RiskLevel.values:
        raise RiskOverrideIsInvalid(f"The level must be one of {', '.join(RiskLevel.values)}.", field="level")
    last = today + timedelta(days=OVERRIDE_DAYS)
    if until is None or not today <= until <= last:
        raise RiskOverrideIsInvalid(
            f"An override ends on a day from {today} to {last}: {OVERRIDE_DAYS} days at most.", field="until"
        )


def _demand_another(supplier: Supplier, until: date, actor: User) -> None:
    rows = RiskAssessment.objects.filter(supplier=supplier, cause=OVERRIDE, override_until__isnull=False)
    earlier = rows.order_by("-id").values_list("day", "override_until", "override_by_id")
    before = (Set(day, end, by) for day, end, by in earlier if end is not None and by is not None)
    last = last_day(before, by_id=actor.pk, today=supplier.read_on)
    if until > last:
        raise AnotherPersonMust(
            f"You have overridden this risk before. What you set ends {OVERRIDE_DAYS} days after the first at the "
            f"latest, which is {last}; beyond that somebody else has to override it.",
            field="until",
        )


def _holds(supplier: Supplier, level: str | None, reason: str, until: date | None) -> bool:
    if level is None:
        return not supplier.override_in_force
    return supplier.override_in_force and (level, until, reason) == (
        supplier.override_level, supplier.override_until, supplier.override_reason,
    )  # fmt: skip


def _store(supplier: Supplier, level: str | None, reason: str, until: date | None, actor: User) -> None:
    values: dict[str, Any] = {
        "override_level": level or "",
        "override_reason": reason if level else "",
        "override_until": until,
        "override_by_id": actor.pk if level else None,
    }
    store(supplier, values)
    assessment_of(supplier, day=clock.today(), cause=OVERRIDE).save(force_insert=True)


def _tell(supplier: Supplier, before: tuple[str, date | None, str], reason: str, actor: User) -> None:
    changes = {
        "override_level": (before[0], supplier.override_level),
        "override_until": (before[1], supplier.override_until),
        "override_reason": (before[2], supplier.override_reason),
    }
    record(
        actor=actor,
        action="SUPPLIER_RISK_OVERRIDDEN",
        entity_type="supplier",
        entity_id=supplier.pk,
        changes={name: pair for name, pair in changes.items() if pair[0] != pair[1]},
        reason=reason,
    )
    publish(
        SupplierRiskOverridden(
            supplier_id=supplier.pk,
            level=supplier.override_level or None,
            previous=before[0] or None,
            until=supplier.override_until.isoformat() if supplier.override_until else None,
            reason=reason,
            computed_level=supplier.risk_level,
            score=supplier.risk_score,
        ),
        actor=actor,
    )
