"""Writes to suppliers that an event causes."""

from __future__ import annotations

from collections.abc import Sequence

from outbox.registry import Delivery, handles_batch
from suppliers.events import SupplierCertificationUpdated, SupplierCreated
from suppliers.reassessment import reassess_suppliers

REASSESS_RISK = "suppliers.reassess_risk"


def reassess_risk(deliveries: Sequence[Delivery]) -> None:
    """
    Reassess every supplier that the events name, once however many events of a batch name it.

    `ncs.handlers` subscribes it to the events of NCs, which this app does not know.
    """
    request_ids = {delivery.event.supplier_id: delivery.request_id for delivery in deliveries}  # type: ignore[attr-defined]
    reassess_suppliers(supplier_ids=request_ids, request_ids=request_ids)


handles_batch(SupplierCreated, SupplierCertificationUpdated, name=REASSESS_RISK)(reassess_risk)
