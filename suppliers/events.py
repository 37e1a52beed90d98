"""What happens to suppliers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from outbox.events import DomainEvent, Key, register


@dataclass(frozen=True, kw_only=True)
class SupplierEvent(DomainEvent):
    aggregate_type: ClassVar[str] = "supplier"
    aggregate_id_field: ClassVar[str] = "supplier_id"

    supplier_id: Annotated[int, Key("the supplier", example=17)]


@register
@dataclass(frozen=True, kw_only=True)
class SupplierCreated(SupplierEvent):
    """A supplier has been recorded."""

    event_type: ClassVar[str] = "SUPPLIER_CREATED"

    name: Annotated[str, Key("the name as it is stored", example="Hansa Forge GmbH")]


@register
@dataclass(frozen=True, kw_only=True)
class SupplierCertificationUpdated(SupplierEvent):
    """The supplier's certification has another end date. Setting the date it already had publishes nothing."""

    event_type: ClassVar[str] = "SUPPLIER_CERT_UPDATED"

    certification_expiry: Annotated[
        str | None, Key("the new last valid day by ISO 8601; null means that none is known", example="2029-06-30")
    ]
    previous: Annotated[str | None, Key("the old one", example=None)]


@register
@dataclass(frozen=True, kw_only=True)
class SupplierRiskChanged(SupplierEvent):
    """
    The worker, or the daily command, has concluded another risk level.

    A score that moves within its level publishes nothing.
    """

    event_type: ClassVar[str] = "SUPPLIER_RISK_CHANGED"

    old_level: Annotated[str, Key("`low`, `medium`, `high` or `critical`", example="low")]
    new_level: Annotated[str, Key("the same", example="high")]
    score: Annotated[int, Key("0 to 100", example=50)]
    reasons: Annotated[
        list[dict[str, Any]],
        Key(
            "each with `code`, `detail` and `points`; the points sum to the score",
            example=[
                {"code": "open_ncs", "detail": "Open non-conformities: 1 high", "points": 12},
                {
                    "code": "floor",
                    "detail": "An expired certification or an open high NC is never below high risk",
                    "points": 38,
                },
            ],
        ),
    ]
    rule_version: Annotated[int, Key("which version of the risk rule concluded it", example=1)]
