"""What all writes to a supplier share: its lock, and how a change is stored."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import F
from django.db.models.functions import Now

from audit.services import Actor, record
from qhse.errors import demand_version
from suppliers.errors import SupplierIsMerged, SupplierNotFound
from suppliers.models import Supplier

# They follow from other values, and are no facts of their own.
_FOLLOWING = frozenset({"name_key", "name_order", "status_reason", "status_at", "status_by_id"})


def locked_supplier(supplier_id: int, expected_versions: Collection[int] | None = None) -> Supplier:
    """
    Return a supplier, locked until the transaction ends. Who writes to it or to what belongs to it takes this lock.

    Raises SupplierNotFound, SupplierIsMerged, RecordHasChanged.
    """
    supplier = Supplier.objects.select_for_update(no_key=True, of=("self",)).filter(pk=supplier_id).first()
    if supplier is None:
        raise SupplierNotFound(f"There is no supplier {supplier_id}.")
    refuse_merged(supplier)
    demand_version(supplier.version, expected_versions)
    return supplier


def refuse_merged(supplier: Supplier, *, field: str | None = None) -> None:
    """Raise SupplierIsMerged, with the one that is left, unless the supplier takes writes."""
    if supplier.merged_into_id is None:
        return
    left = Supplier.objects.get(pk=supplier.merged_into_id)
    raise SupplierIsMerged(
        f"{supplier.code} has been merged into {left.code}, {left.name}. Write to that one.",
        field=field,
        existing=left,
    )


def differing(row: Any, values: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return field → (old, new) of the values that a record does not have."""
    return {name: (getattr(row, name), new) for name, new in values.items() if getattr(row, name) != new}


def store(supplier: Supplier, values: Mapping[str, Any]) -> None:
    """Store values of a locked supplier, and count its version. The copy in hand has them afterwards."""
    Supplier.objects.filter(pk=supplier.pk).update(**values, version=F("version") + 1, updated_at=Now())
    for name, value in values.items():
        setattr(supplier, name, value)
    supplier.version += 1
    del supplier.updated_at  # it is read if somebody asks for it


def store_change(
    supplier: Supplier,
    values: Mapping[str, Any],
    *,
    actor: Actor,
    action: str,
    reason: str,
    told: Mapping[str, tuple[Any, Any]] | None = None,
) -> bool:
    """
    Store what differs in a locked supplier, with its audit entry. False if nothing does: nothing is stored then.

    `told` is what the entry tells beside the old and new values, in the same form.
    """
    changes = differing(supplier, values)
    if not changes:
        return False
    store(supplier, {name: new for name, (_, new) in changes.items()})
    shown = {name: pair for name, pair in changes.items() if name not in _FOLLOWING}
    record(
        actor=actor,
        action=action,
        entity_type="supplier",
        entity_id=supplier.pk,
        changes={**shown, **(told or {})},
        reason=reason,
    )
    return True
