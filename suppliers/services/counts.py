"""What is counted of a supplier's cases, in the transactions that open, close, void and move them."""

from __future__ import annotations

from typing import NoReturn

from django.db.models import F

from qhse.queries import Given, WrittenUpdate
from suppliers.choices import Severity
from suppliers.errors import SupplierIsUnknown
from suppliers.models import Supplier
from suppliers.services.storing import refuse_merged


def count_nonconformity_opened(*, supplier_id: int, severity: str) -> None:
    """
    Add one open NC to a supplier's counts, in the caller's transaction.

    Locks the supplier until that ends. Raises SupplierIsUnknown, SupplierIsMerged.
    """
    high, medium = int(severity == Severity.HIGH), int(severity == Severity.MEDIUM)
    if not _count_opened.run(id=supplier_id, high=high, medium=medium):
        _refuse(supplier_id)


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
    between them cannot wait for each other. Raises SupplierIsUnknown, SupplierIsMerged.
    """
    steps = [(*before, -1), (*after, 1)]
    for supplier_id, severity, step in sorted(steps, key=lambda each: each[0]):
        _count(supplier_id, severity, opened=step, total=step)


def _count(supplier_id: int, severity: str, *, opened: int, total: int, void: int = 0) -> None:
    high, medium = int(severity == Severity.HIGH), int(severity == Severity.MEDIUM)
    counted = (
        Supplier.objects.standing()
        .filter(pk=supplier_id)
        .update(
            nc_total=F("nc_total") + total,
            nc_open=F("nc_open") + opened,
            nc_open_high=F("nc_open_high") + opened * high,
            nc_open_medium=F("nc_open_medium") + opened * medium,
            nc_void=F("nc_void") + void,
        )
    )
    if not counted:
        _refuse(supplier_id)


def move_counts(source: Supplier, target: Supplier) -> None:
    """Count all cases of one supplier at another one. The caller holds both locks, and moves the cases."""
    counts = {name: getattr(source, name) for name in _COUNTS}
    Supplier.objects.filter(pk=source.pk).update(**dict.fromkeys(_COUNTS, 0))
    Supplier.objects.filter(pk=target.pk).update(**{name: F(name) + number for name, number in counts.items()})
    for name, number in counts.items():
        setattr(source, name, 0)
        setattr(target, name, getattr(target, name) + number)


def _refuse(supplier_id: int) -> NoReturn:
    supplier = Supplier.objects.filter(pk=supplier_id).first()
    if supplier is not None:
        refuse_merged(supplier, field="supplier_id")
    raise SupplierIsUnknown(f"There is no supplier {supplier_id}.", field="supplier_id")


_COUNTS = ("nc_total", "nc_open", "nc_open_high", "nc_open_medium", "nc_void")
_ID = Supplier._meta.get_field("id")
_NUMBER = Supplier._meta.get_field("nc_open")
_count_opened = WrittenUpdate(
    lambda: Supplier.objects.standing().filter(pk=Given("id", _ID)),
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
