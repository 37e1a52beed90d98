"""Correcting what is recorded of a supplier: its name, and whatever else may be said of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction

from audit.services import Actor
from outbox.publisher import publish
from qhse.ordering import dictionary_order
from suppliers.events import SupplierCorrected
from suppliers.models import Supplier
from suppliers.names import name_key
from suppliers.services.coverage import recount
from suppliers.services.fields import demanded, details, named
from suppliers.services.storing import differing, locked_supplier, store_change
from suppliers.services.suppliers import unique_values


@transaction.atomic
def correct_supplier(
    *,
    supplier_id: int,
    values: Mapping[str, Any],
    actor: Actor,
    reason: str,
    expected_versions: Collection[int] | None = None,
) -> Supplier:
    """
    Correct values of a supplier: its name, and those of DETAILS. The end of its certification has its own service.

    Row, `cert_*` that follow from the required standards, audit entry and SupplierCorrected event are stored together
    or not at all. Locks the supplier. Values that stand there already change and publish nothing, and ask for no
    reason. Its status stays, even if another standard is required now: a person decides about it.

    Raises SupplierNotFound, SupplierIsMerged, RecordHasChanged, ReasonIsMissing, DetailIsInvalid,
    CertificationExpiryIsImplausible, SupplierNameIsInvalid; and SupplierNameIsTaken and ExternalReferenceIsTaken with
    the one that has it.
    """
    new = details({name: value for name, value in values.items() if name != "name"})
    if "name" in values:
        new["name"] = named(values["name"])
    supplier = locked_supplier(supplier_id, expected_versions)
    changes = differing(supplier, new)
    if not changes:
        return supplier
    reason = demanded(reason, to="to correct what was recorded")
    previous = supplier.name
    _store(supplier, {name: value for name, (_, value) in changes.items()}, actor, reason)
    publish(
        SupplierCorrected(
            supplier_id=supplier.pk,
            fields=sorted(changes),
            reason=reason,
            previous_name=previous if "name" in changes else None,
        ),
        actor=actor,
    )
    return supplier


def _store(supplier: Supplier, values: dict[str, Any], actor: Actor, reason: str) -> None:
    if "name" in values:
        values |= {"name_key": name_key(values["name"]), "name_order": dictionary_order(values["name"])}
    wanted = Supplier(pk=supplier.pk, name_key=values.get("name_key", ""), external_ref=values.get("external_ref", ""))
    with unique_values(wanted):
        store_change(supplier, values, actor=actor, action="SUPPLIER_CORRECTED", reason=reason)
    if "required_standards" in values:
        recount(supplier)
