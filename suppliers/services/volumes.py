"""Setting what a supplier delivered in a month."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from audit.services import Actor, record
from outbox.publisher import publish
from qhse import clock
from qhse.errors import RecordHasChanged, demand_version
from qhse.queries import Given, WrittenInsert, WrittenQuery, record_of
from qhse.text import plain
from suppliers.errors import VolumeIsInvalid, VolumeIsKnown
from suppliers.events.volumes import SupplierVolumeSet
from suppliers.models import SupplierVolume
from suppliers.models.volume import MAX_SOURCE
from suppliers.services.storing import locked_supplier

FIRST_MONTH = date(1980, 1, 1)
MAX_PIECES = 9_000_000_000_000
MAX_LOTS = 2_000_000_000
LOTS = ("received_lots", "rejected_lots", "late_lots")
FIGURES = ("received_qty", "defective_qty", *LOTS)
NO_VERSION = 0
"""The version of a month without figures: no entity tag names it. Who expects it alone sets the first ones."""


def check_figures(values: dict[str, int]) -> None:
    """Raise VolumeIsInvalid unless the figures of a month are possible. Those that are not there are not looked at."""
    for name, value in values.items():
        most = MAX_PIECES if name.endswith("_qty") else MAX_LOTS
        if not 0 <= value <= most:
            raise VolumeIsInvalid(f"Must be from 0 to {most:,}.", field=name)
    for part, whole in (
        ("defective_qty", "received_qty"),
        ("rejected_lots", "received_lots"),
        ("late_lots", "received_lots"),
    ):
        if part in values and whole in values and values[part] > values[whole]:
            what = "pieces" if part.endswith("_qty") else "lots"
            called = part.partition("_")[0]
            raise VolumeIsInvalid(
                f"{values[part]:,} {what} {called} of {values[whole]:,} received: correct one of them.", field=part
            )


def check_month(month: date, *, today: date) -> None:
    """Raise VolumeIsInvalid for a month that has not begun, or lies long ago. The present one may have figures."""
    if month.day != 1:
        raise VolumeIsInvalid("A month is named by its first day.", field="month")
    if month > today:
        raise VolumeIsInvalid(f"{month:%Y-%m} has not begun.", field="month")
    if month < FIRST_MONTH:
        raise VolumeIsInvalid(f"{month:%Y-%m} is not plausible; it must be from {FIRST_MONTH:%Y-%m}.", field="month")


@transaction.atomic
def set_volume(
    *,
    supplier_id: int,
    month: date,
    received_qty: int,
    defective_qty: int,
    received_lots: int | None = None,
    rejected_lots: int | None = None,
    late_lots: int | None = None,
    source: str = "",
    reason: str = "",
    actor: Actor,
    expected_versions: Collection[int] | None = None,
) -> SupplierVolume:
    """
    Set the figures of one supplier's month, which its first day names. The answer has `is_new`, that it had none
    before, and `is_changed`.

    Lots of None stay as they are, and are 0 in a month that had no figures.

    Row, audit entry of the supplier and SupplierVolumeSet event are stored together or not at all. Locks the supplier.
    Setting the figures that stand there changes and publishes nothing, whatever their `source`: the call may be
    repeated.

    Raises SupplierNotFound, SupplierIsMerged, VolumeIsInvalid, RecordHasChanged. VolumeIsKnown, with the month that is
    there, for who expects NO_VERSION.
    """
    check_month(month, today=clock.today())
    supplier = locked_supplier(supplier_id)
    found = _of_month.first(supplier=supplier.pk, month=month)
    row: SupplierVolume | None = None if found is None else record_of(SupplierVolume, _COLUMNS, found)
    _demand_expected(row, expected_versions)
    lots = {"received_lots": received_lots, "rejected_lots": rejected_lots, "late_lots": late_lots}
    values = {"received_qty": received_qty, "defective_qty": defective_qty} | {
        name: (0 if row is None else int(getattr(row, name))) if value is None else value
        for name, value in lots.items()
    }
    check_figures(values)
    before = dict.fromkeys(FIGURES) if row is None else {name: getattr(row, name) for name in FIGURES}
    is_new = row is None
    if row is not None and before == values:
        vars(row).update(is_new=False, is_changed=False)
        return row
    row = _stored(row, supplier_id, month, values, plain(source)[:MAX_SOURCE])
    changed = {name: (before[name], new) for name, new in values.items() if before[name] != new}
    record(
        actor=actor,
        action="SUPPLIER_VOLUME_SET",
        entity_type="supplier",
        entity_id=supplier.pk,
        changes={"volume_month": (None if is_new else f"{month:%Y-%m}", f"{month:%Y-%m}")} | changed,
        reason=plain(reason),
    )
    publish(SupplierVolumeSet(supplier_id=supplier.pk, month=f"{month:%Y-%m}", is_new=is_new, **values), actor=actor)
    vars(row).update(is_new=is_new, is_changed=True)
    return row


def _demand_expected(row: SupplierVolume | None, expected: Collection[int] | None) -> None:
    if row is not None and expected is not None and NO_VERSION in expected and row.version not in expected:
        raise VolumeIsKnown(
            f"{row.month_text} has figures of this supplier already. Change them there.", field="month", existing=row
        )
    if row is None and expected is not None and NO_VERSION not in expected:
        raise RecordHasChanged(
            "The month has no figures, so If-Match matches none. Without it they are the first ones."
        )
    demand_version(NO_VERSION if row is None else row.version, expected)


def _stored(
    row: SupplierVolume | None, supplier_id: int, month: date, values: dict[str, int], source: str
) -> SupplierVolume:
    if row is None:
        row = SupplierVolume(supplier_id=supplier_id, month=month, **values, source=source)
        _new_volume.insert(row)
        return row
    SupplierVolume.objects.filter(pk=row.pk).update(**values, source=source, version=row.version + 1, updated_at=Now())
    row.refresh_from_db()
    return row


_COLUMNS = [field.attname for field in SupplierVolume._meta.concrete_fields]
_FIELDS: list[Any] = [SupplierVolume._meta.get_field(name) for name in ("supplier", "month")]
_of_month = WrittenQuery(
    lambda: (
        SupplierVolume.objects.filter(
            supplier_id=Given("supplier", _FIELDS[0].target_field), month=Given("month", _FIELDS[1])
        )
        .order_by()
        .values_list(*_COLUMNS)
    )
)
_new_volume = WrittenInsert(SupplierVolume)
