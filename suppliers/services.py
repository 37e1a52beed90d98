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
from qhse.queries import Given, WrittenQuery, WrittenUpdate, record_of
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


def count_nonconformity_opened(*, supplier_id: int, severity: str) -> None:
    """
    Add one open NC to a supplier's counts, in the caller's transaction.

    Locks the supplier until that ends. Raises SupplierIsUnknown.
    """
    high, medium = int(severity == Severity.HIGH), int(severity == Severity.MEDIUM)
    if not _count_opened.run(id=supplier_id, high=high, medium=medium):
        raise SupplierIsUnknown(f"There is no supplier {supplier_id}.", field="supplier_id")


def count_nonconformity_closed(*, supplier_id: int, severity: str) -> None:
    """Take one open NC off a supplier's counts, as `count_nonconformity_opened` adds it."""
    high, medium = int(severity == Severity.HIGH), int(severity == Severity.MEDIUM)
    _count_closed.run(id=supplier_id, high=high, medium=medium)


def count_nonconformity_voided(*, supplier_id: int, severity: str) -> None:
    """Take an open NC that was a mistake off a supplier's counts, as if it had not been recorded."""
    _count(supplier_id, severity, opened=-1, total=-1, void=1)


def count_nonconformity_reopened(*, supplier_id: int, severity: str, was_void: bool) -> None:
    """Add an NC that is open again to a supplier's counts. One that was void counts from now on."""
    _count(supplier_id, severity, opened=1, total=int(was_void), void=-int(was_void))


def move_nonconformity(*, before: tuple[int, str], after: tuple[int, str]) -> None:
    """
    Count an open NC at another supplier, with another severity, or both: each is (supplier's id, severity).

    In the caller's transaction. Locks both suppliers, the one with the smaller id first, so that two who move cases
    between them cannot wait for each other. Raises SupplierIsUnknown.
    """
    steps = [(*before, -1), (*after, 1)]
    for supplier_id, severity, step in sorted(steps, key=lambda each: each[0]):
        _count(supplier_id, severity, opened=step, total=step)


def _count(supplier_id: int, severity: str, *, opened: int, total: int, void: int = 0) -> None:
    high, medium = int(severity == Severity.HIGH), int(severity == Severity.MEDIUM)
    counted = Supplier.objects.filter(pk=supplier_id).update(
        nc_total=F("nc_total") + total,
        nc_open=F("nc_open") + opened,
        nc_open_high=F("nc_open_high") + opened * high,
        nc_open_medium=F("nc_open_medium") + opened * medium,
        nc_void=F("nc_void") + void,
    )
    if not counted:
        raise SupplierIsUnknown(f"There is no supplier {supplier_id}.", field="supplier_id")


_NUMBER = Supplier._meta.get_field("nc_open")
_count_opened = WrittenUpdate(
    lambda: Supplier.objects.filter(pk=Given("id", _ID)),
    nc_total=F("nc_total") + 1,
    nc_open=F("nc_open") + 1,
    nc_open_high=F("nc_open_high") + Given("high", _NUMBER),
    nc_open_medium=F("nc_open_medium") + Given("medium", _NUMBER),
)
_count_closed = WrittenUpdate(
    lambda: Supplier.objects.filter(pk=Given("id", _ID)),
    nc_open=F("nc_open") - 1,
    nc_open_high=F("nc_open_high") - Given("high", _NUMBER),
    nc_open_medium=F("nc_open_medium") - Given("medium", _NUMBER),
)


def _check_expiry(expiry: date | None) -> None:
    if expiry is not None and not EARLIEST_EXPIRY <= expiry <= LATEST_EXPIRY:
        raise CertificationExpiryIsImplausible(
            f"{expiry} is not a plausible end date; it must be from {EARLIEST_EXPIRY} to {LATEST_EXPIRY}.",
            field="certification_expiry",
        )


def _iso(value: date | None) -> str | None:
    return None if value is None else value.isoformat()
