"""Writes to suppliers that an event causes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from outbox.registry import Delivery, handles_batch
from suppliers.behind import REASSESS_RISK
from suppliers.events import (
    SupplierCertificationUpdated,
    SupplierCorrected,
    SupplierCreated,
    SupplierMerged,
    SupplierVolumeSet,
)
from suppliers.events.certificates import MOVING_THE_RISK
from suppliers.reassessment import reassess_suppliers

__all__ = ["REASSESS_RISK", "reassess_risk"]


def reassess_risk(deliveries: Sequence[Delivery]) -> None:
    """
    Reassess every supplier that the events name, once however many events of a batch name it.

    `ncs.handlers` subscribes it to the events of NCs, which this app does not know.
    """
    named = [(supplier_id, delivery) for delivery in deliveries for supplier_id in _named(delivery.event)]
    request_ids = {supplier_id: delivery.request_id for supplier_id, delivery in named}
    causes = {supplier_id: delivery.event.event_type for supplier_id, delivery in named}
    reassess_suppliers(supplier_ids=request_ids, request_ids=request_ids, causes=causes)


def _named(event: Any) -> set[int]:
    """Return the suppliers of an event: of a case that has moved between two, both."""
    return {event.supplier_id, getattr(event, "previous_supplier_id", event.supplier_id)}


handles_batch(*MOVING_THE_RISK, name=REASSESS_RISK)(reassess_risk)
handles_batch(
    SupplierCreated,
    SupplierCertificationUpdated,
    SupplierCorrected,
    SupplierMerged,
    SupplierVolumeSet,
    name=REASSESS_RISK,
)(reassess_risk)
