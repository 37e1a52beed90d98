"""Writes to suppliers that somebody asks for. Each stores row, audit entry and outbox event in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from audit.services import Actor, record
from outbox.publisher import publish
from qhse.errors import demand_version
from qhse.queries import Given, WrittenInsert, WrittenQuery, WrittenUpdate, record_of
from qhse.text import plain
from suppliers.choices import Criticality
from suppliers.errors import ExternalReferenceIsTaken, SupplierNameIsTaken, SupplierNotFound
from suppliers.events import SupplierCertificationUpdated, SupplierCreated
from suppliers.models import Supplier
from suppliers.names import name_key
from suppliers.services.fields import certified_until, details, named
from suppliers.services.storing import refuse_merged


def create_supplier(*, name: str, certification_expiry: date | None = None, actor: Actor, **more: Any) -> Supplier:
    """
    Record a supplier. `more` may have what stands in DETAILS. It is pending, whatever is known of it.

    The row, its audit entry and its SupplierCreated event are stored together or not at all. Of several who create
    one name at once, one succeeds. The others get SupplierNameIsTaken.

    Raises SupplierNameIsInvalid, SupplierNameIsTaken and ExternalReferenceIsTaken with the one that has it,
    CertificationExpiryIsImplausible, DetailIsInvalid.
    """
    name, values = named(name), details(more)
    values["certification_expiry"] = certified_until(certification_expiry)
    values["cert_missing"] = len(values.get("required_standards", ()))  # it has no certificate yet
    supplier = Supplier(name=name, name_key=name_key(name), **values)
    with unique_values(supplier):
        return _create(supplier, {name: new for name, new in values.items() if name in more}, actor)


@contextmanager
def unique_values(supplier: Supplier) -> Iterator[None]:
    """
    Store a supplier's name and reference, or raise SupplierNameIsTaken or ExternalReferenceIsTaken.

    Nobody asks first whether another one has them: that would only move the race. The violation undoes what is done
    here, and no more of a caller's transaction, in which `atomic` is a savepoint.
    """
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        others = Supplier.objects.exclude(pk=supplier.pk)
        if named_so := others.filter(name_key=supplier.name_key).first():
            # Under the name as it is stored: the one that was typed may look different.
            raise SupplierNameIsTaken(
                f"There is already a supplier named {named_so.name!r}: number {named_so.pk}.",
                field="name",
                existing=named_so,
            ) from error
        reference = supplier.external_ref
        if reference and (called_so := others.filter(external_ref=reference).first()):
            raise ExternalReferenceIsTaken(
                f"{called_so.code}, {called_so.name}, has the external reference {reference!r}.",
                field="external_ref",
                existing=called_so,
            ) from error
        raise  # another rule of the database; or a snapshot older than the one that has the name


_USUAL: dict[str, Any] = {"criticality": Criticality.B.value}


def _create(supplier: Supplier, more: Mapping[str, Any], actor: Actor) -> Supplier:
    _new_supplier.insert(supplier)
    told = {name: value for name, value in more.items() if value and value != _USUAL.get(name)}
    values = {"name": supplier.name, "certification_expiry": supplier.certification_expiry, **told}
    record(
        actor=actor,
        action="SUPPLIER_CREATED",
        entity_type="supplier",
        entity_id=supplier.pk,
        changes={name: (None, value) for name, value in values.items()},
    )
    publish(SupplierCreated(supplier_id=supplier.pk, name=supplier.name), actor=actor)
    return supplier


_new_supplier = WrittenInsert(Supplier)


@transaction.atomic
def update_certification(
    *,
    supplier_id: int,
    certification_expiry: date | None,
    actor: Actor,
    reason: str = "",
    expected_versions: Collection[int] | None = None,
) -> Supplier:
    """
    Set the last valid day of a supplier's certification. None means that none is known.

    The row, its audit entry and its SupplierCertificationUpdated event are stored together or not at all. Locks the
    supplier. Setting the date that stands there changes and publishes nothing, so the call may be repeated after a
    lost answer.

    Raises SupplierNotFound, SupplierIsMerged, CertificationExpiryIsImplausible; RecordHasChanged when the supplier's
    version is not among the `expected_versions`. None expects nothing.
    """
    certified_until(certification_expiry)
    supplier = _locked(supplier_id)
    demand_version(supplier.version, expected_versions)
    previous = supplier.certification_expiry
    if previous == certification_expiry:
        return supplier
    _set_expiry.run(id=supplier.pk, expiry=certification_expiry)
    record(
        actor=actor,
        action="SUPPLIER_CERT_UPDATED",
        entity_type="supplier",
        entity_id=supplier.pk,
        changes={"certification_expiry": (previous, certification_expiry)},
        reason=plain(reason),
    )
    publish(
        SupplierCertificationUpdated(
            supplier_id=supplier.pk,
            certification_expiry=_iso(certification_expiry),
            previous=_iso(previous),
        ),
        actor=actor,
    )
    # The row is locked, so that it is known what stands there now; the time is read if somebody asks for it.
    supplier.certification_expiry, supplier.version = certification_expiry, supplier.version + 1
    del supplier.updated_at
    return supplier


def _locked(supplier_id: int) -> Supplier:
    row = _lock.first(id=supplier_id)
    if row is None:
        raise SupplierNotFound(f"There is no supplier {supplier_id}.")
    supplier: Supplier = record_of(Supplier, _COLUMNS, row)
    refuse_merged(supplier)
    return supplier


_COLUMNS = [field.attname for field in Supplier._meta.concrete_fields]
_ID, _EXPIRY = Supplier._meta.get_field("id"), Supplier._meta.get_field("certification_expiry")
_lock = WrittenQuery(
    lambda: Supplier.objects.select_for_update(no_key=True).filter(pk=Given("id", _ID)).values_list(*_COLUMNS)
)
_set_expiry = WrittenUpdate(
    lambda: Supplier.objects.filter(pk=Given("id", _ID)),
    certification_expiry=Given("expiry", _EXPIRY),
    version=F("version") + 1,
    updated_at=Now(),
)


def _iso(value: date | None) -> str | None:
    return None if value is None else value.isoformat()
