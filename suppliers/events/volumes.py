"""What suppliers delivered. It is of the supplier's aggregate: in one order with all else of that supplier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from outbox.events import Key, register
from suppliers.events.suppliers import SupplierEvent


@register
@dataclass(frozen=True, kw_only=True)
class SupplierVolumeSet(SupplierEvent):
    """A month of a supplier has figures, or other ones. Setting those it already had publishes nothing."""

    event_type: ClassVar[str] = "SUPPLIER_VOLUME_SET"

    month: Annotated[str, Key("the month", example="2026-10")]
    received_qty: Annotated[int, Key("pieces that were received", example=12000)]
    defective_qty: Annotated[int, Key("pieces of them that were confirmed defective", example=9)]
    received_lots: Annotated[int, Key("lots that were received", example=24)]
    rejected_lots: Annotated[int, Key("lots of them that were rejected", example=1)]
    late_lots: Annotated[int, Key("lots of them that came late", example=2)]
    is_new: Annotated[bool, Key("whether the month had no figures before", example=True)]
