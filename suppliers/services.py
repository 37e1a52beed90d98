"""Writes to suppliers that somebody asks for. Each stores row, audit entry and outbox event in one transaction."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from audit.services import Actor, record
from outbox.publisher import publish
from qhse.errors import demand_version
from qhse.text import plain
from suppliers.choices import Severity
from suppliers.errors import (
    CertificationExpiryIsImplausible,
    SupplierIsUnknown,
    SupplierNameIsInvalid,
    SupplierNameIsTaken,
    SupplierNotFound,
)
from suppliers.events import SupplierCertificationUpdated, SupplierCreated
from suppliers.models import Supplier
from suppliers.names import NameRefused, name_key, normalise_name

EARLIEST_EXPIRY = date(1980, 1, 1)
LATEST_EXPIRY = date(2199, 12, 31)


def create_supplier(*, name: str, certification_expiry: date | None = None, actor: Actor) -> Supplier:
    """
    Record a supplier.

    The row, its audit entry and its SupplierCreated event are stored together or not at all. Of several who create
    one name at once, one succeeds. The others get SupplierNameIsTaken.

    Raises SupplierNameIsInvalid, SupplierNameIsTaken with the one that has the name, CertificationExpiryIsImplausible.
    """
    try:
        name = normalise_name(name)
    except NameRefused as refusal:
        raise SupplierNameIsInvalid(str(refusal), field="name") from None
    _check_expiry(certification_expiry)
    supplier = Supplier(name=name, name_key=name_key(name), certification_expiry=certification_expiry)
    # Nobody asks first whether the name exists: that would only move the race. The violation undoes this call and no
    # more of a caller's transaction, in which `atomic` is a savepoint.
    try:
        with transaction.atomic():
            return _create(supplier, actor)
    except IntegrityError as error:
        existing = Supplier.objects.filter(name_key=supplier.name_key).first()
        if existing is None:
            raise  # another rule of the database; or a snapshot older than the one that has the name
        # Under the name as it is stored: the one that was typed may look different.
        raise SupplierNameIsTaken(
            f"There is already a supplier named {existing.name!r}: number {existing.pk}.",
            field="name",
            existing=existing,
        ) from error


def _create(supplier: Supplier, actor: Actor) -> Supplier:
    supplier.save(force_insert=True)
    name, certification_expiry = supplier.name, supplier.certification_expiry
    record(
        actor=actor,
        action="SUPPLIER_CREATED",
        entity_type="supplier",
        entity_id=supplier.pk,
        changes={"name": (None, name), "certification_expiry": (None, certification_expiry)},
    )
    publish(SupplierCreated(supplier_id=supplier.pk, name=name), actor=actor)
    supplier.refresh_from_db()
    return supplier


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

    Raises SupplierNotFound and CertificationExpiryIsImplausible; RecordHasChanged when the supplier's version is not
    among the `expected_versions`. None expects nothing.
    """
    _check_expiry(certification_expiry)
    supplier = _locked(supplier_id)
    demand_version(supplier.version, expected_versions)
    previous = supplier.certification_expiry
    if previous == certification_expiry:
        return supplier
    Supplier.objects.filter(pk=supplier.pk).update(
        certification_expiry=certification_expiry, version=F("version") + 1, updated_at=Now()
    )
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
    supplier.refresh_from_db()
    return supplier


def _locked(supplier_id: int) -> Supplier:
    supplier = Supplier.objects.select_for_update(no_key=True).filter(pk=supplier_id).first()
    if supplier is None:
        raise SupplierNotFound(f"There is no supplier {supplier_id}.")
    return supplier


def count_nonconformity_opened(*, supplier_id: int, severity: str) -> None:
    """
    Add one open NC to a supplier's counts, in the caller's transaction.

    Locks the supplier until that ends. Raises SupplierIsUnknown.
    """
    changed = Supplier.objects.filter(pk=supplier_id).update(
        nc_total=F("nc_total") + 1,
        nc_open=F("nc_open") + 1,
        nc_open_high=F("nc_open_high") + int(severity == Severity.HIGH),
        nc_open_medium=F("nc_open_medium") + int(severity == Severity.MEDIUM),
    )
    if not changed:
        raise SupplierIsUnknown(f"There is no supplier {supplier_id}.", field="supplier_id")


def count_nonconformity_closed(*, supplier_id: int, severity: str) -> None:
    """Take one open NC off a supplier's counts, as `count_nonconformity_opened` adds it."""
    Supplier.objects.filter(pk=supplier_id).update(
        nc_open=F("nc_open") - 1,
        nc_open_high=F("nc_open_high") - int(severity == Severity.HIGH),
        nc_open_medium=F("nc_open_medium") - int(severity == Severity.MEDIUM),
    )


def _check_expiry(expiry: date | None) -> None:
    if expiry is not None and not EARLIEST_EXPIRY <= expiry <= LATEST_EXPIRY:
        raise CertificationExpiryIsImplausible(
            f"{expiry} is not a plausible end date; it must be from {EARLIEST_EXPIRY} to {LATEST_EXPIRY}.",
            field="certification_expiry",
        )


def _iso(value: date | None) -> str | None:
    return None if value is None else value.isoformat()
