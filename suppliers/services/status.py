"""Deciding about the status of a supplier."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from audit.models import AuditEntry
from outbox.publisher import publish
from qhse import clock
from qhse.accounts.models import User
from qhse.accounts.roles import Role
from suppliers.choices import CertificateStatus, SupplierStatus
from suppliers.errors import DetailIsInvalid, MayNotDecideStatus, StatusIsNotEarned, StatusMoveIsForbidden
from suppliers.events import SupplierStatusChanged
from suppliers.models import Certificate, Supplier
from suppliers.services.fields import demanded
from suppliers.services.storing import locked_supplier, store_change
from suppliers.status import is_after_suspension, lacking, may_move, who_decides


@transaction.atomic
def change_supplier_status(
    *,
    supplier_id: int,
    status: str,
    actor: User,
    reason: str = "",
    expected_versions: Collection[int] | None = None,
) -> Supplier:
    """
    Decide about a supplier: approve it, with or without conditions, suspend, reject or disqualify it, or begin anew.

    Row, audit entry and SupplierStatusChanged event are stored together or not at all. Locks the supplier, and so what
    the decision rests on: certificates and counts of cases are written under the same lock. The status that it has
    changes and publishes nothing, whoever asks, with a reason or without. What a status asks for is asked at the
    decision alone: a certificate that ends afterwards takes no status away.

    Raises SupplierNotFound, SupplierIsMerged, RecordHasChanged, DetailIsInvalid, ReasonIsMissing,
    StatusMoveIsForbidden, MayNotDecideStatus, and StatusIsNotEarned with all that is missing.
    """
    if status not in SupplierStatus.values:
        raise DetailIsInvalid(f"The status must be one of {', '.join(SupplierStatus.values)}.", field="status")
    supplier = locked_supplier(supplier_id, expected_versions)
    previous = supplier.status
    if previous == status:
        return supplier
    _demand_move(supplier, SupplierStatus(status), actor)
    reason = demanded(reason, to="for another status")
    if lacks := lacks_for(supplier, status):
        raise StatusIsNotEarned(f"{supplier.code} cannot be {status}. Missing: {'; '.join(lacks)}.", field="status")
    values = {
        "status": str(status),
        "status_reason": reason,
        "status_at": clock.present(),
        "status_by_id": actor.pk,
    }
    store_change(supplier, values, actor=actor, action="SUPPLIER_STATUS_CHANGED", reason=reason)
    publish(
        SupplierStatusChanged(supplier_id=supplier.pk, old=previous, new=supplier.status, reason=reason), actor=actor
    )
    return supplier


def lacks_for(supplier: Supplier, status: str) -> list[str]:
    """Return in words what a supplier lacks for a status, nothing if it may have it."""
    if status != SupplierStatus.APPROVED:
        return []
    return lacking(
        supplier.status,
        status,
        unproven=unproven(supplier),
        open_high=supplier.nc_open_high,
        after_suspension=supplier.nc_open_high > 0 and _is_after_suspension(supplier),
    )


def _is_after_suspension(supplier: Supplier) -> bool:
    """Ask the trail: the status of now does not say what it was before, and the way may have been a long one."""
    entries = AuditEntry.objects.about("supplier", supplier.pk).filter(action="SUPPLIER_STATUS_CHANGED")
    pairs = (entry.shown_changes.get("status", [None, None]) for entry in entries.iterator())
    return is_after_suspension((old, new) for old, new in pairs)


def unproven(supplier: Supplier) -> list[str]:
    """Return the required standards of which the supplier has no verified certificate that is in date today."""
    if not supplier.required_standards:
        return []
    today = clock.today()
    proven = Certificate.objects.filter(
        supplier=supplier, status=CertificateStatus.VERIFIED, valid_from__lte=today, valid_to__gte=today
    )
    return sorted(set(supplier.required_standards) - set(proven.values_list("standard", flat=True)))


def _demand_move(supplier: Supplier, target: SupplierStatus, actor: User) -> None:
    present = SupplierStatus(supplier.status)
    if not may_move(present, target):
        raise StatusMoveIsForbidden(
            f"{supplier.code} is {present.label.lower()}; from there it cannot become {target.label.lower()}.",
            field="status",
        )
    able = who_decides(present, target)
    if actor.role not in able:
        names = " or ".join(Role(role).label.lower() for role in sorted(able))
        raise MayNotDecideStatus(
            f"From {present.label.lower()} to {target.label.lower()}: this is decided by {names}.", field="status"
        )
