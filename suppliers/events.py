"""What happens to suppliers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from outbox.events import DomainEvent, register


@dataclass(frozen=True, kw_only=True)
class SupplierEvent(DomainEvent):
    aggregate_type: ClassVar[str] = "supplier"
    aggregate_id_field: ClassVar[str] = "supplier_id"

    supplier_id: int


@register
@dataclass(frozen=True, kw_only=True)
class SupplierCreated(SupplierEvent):
    """A supplier has been recorded."""

    event_type: ClassVar[str] = "SUPPLIER_CREATED"

    name: str


@register
@dataclass(frozen=True, kw_only=True)
class SupplierCertificationUpdated(SupplierEvent):
    """The certification has another end date. Dates are ISO 8601 or null, which means: none known."""

    event_type: ClassVar[str] = "SUPPLIER_CERT_UPDATED"

    certification_expiry: str | None
    previous: str | None


@register
@dataclass(frozen=True, kw_only=True)
class SupplierRiskChanged(SupplierEvent):
    """The risk level has changed. `reasons` are `{code, detail, points}`, whose points sum to `score`."""

    event_type: ClassVar[str] = "SUPPLIER_RISK_CHANGED"

    old_level: str
    new_level: str
    score: int
    reasons: list[dict[str, Any]]
    rule_version: int
