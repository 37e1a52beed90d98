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
    The worker, or the daily command, has concluded another risk level, or a score that is 5 points or more away.

    A score that moves less within its level publishes nothing.
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
    rule_version: Annotated[int, Key("which version of the risk rule concluded it", example=2)]
    old_score: Annotated[int | None, Key("the score before", example=0)] = None
    confidence: Annotated[
        str, Key("`low` while too little is known of the pieces delivered, else `full`", example="low")
    ] = ""
    cause: Annotated[
        str, Key("the type of the event that led to it, or `daily` or `command`", example="NC_CREATED")
    ] = ""


@register
@dataclass(frozen=True, kw_only=True)
class SupplierCorrected(SupplierEvent):
    """What is recorded of the supplier has been corrected: its name, or something else that is known of it."""

    event_type: ClassVar[str] = "SUPPLIER_CORRECTED"

    fields: Annotated[list[str], Key("which fields have changed", example=["country", "name"])]
    reason: Annotated[str, Key("why", example="Renamed after the merger of 2026")]
    previous_name: Annotated[str | None, Key("the name before, if it has another one now", example="Hansa Forge")] = (
        None
    )


@register
@dataclass(frozen=True, kw_only=True)
class SupplierStatusChanged(SupplierEvent):
    """Somebody has decided about the supplier. Deciding what stands there already publishes nothing."""

    event_type: ClassVar[str] = "SUPPLIER_STATUS_CHANGED"

    old: Annotated[
        str,
        Key("`pending`, `approved`, `conditional`, `suspended`, `rejected` or `disqualified`", example="pending"),
    ]
    new: Annotated[str, Key("the same", example="approved")]
    reason: Annotated[str, Key("why", example="Audit passed, certificates verified")]


@register
@dataclass(frozen=True, kw_only=True)
class SupplierMerged(SupplierEvent):
    """
    One of two suppliers was a duplicate, and everything of it belongs to the other one now.

    It is published for both: once with the duplicate as `supplier_id`, once with the one that is left.
    """

    event_type: ClassVar[str] = "SUPPLIER_MERGED"

    merged_id: Annotated[int, Key("the duplicate, which takes no writes any more", example=17)]
    into_id: Annotated[int, Key("the one that is left", example=4)]
    cases: Annotated[int, Key("how many non-conformities moved", example=12)]
    certificates: Annotated[int, Key("how many certificates moved", example=2)]
    volumes: Annotated[int, Key("of how many months the pieces delivered moved", example=18)]
    reason: Annotated[str, Key("why", example="Recorded twice, with and without GmbH")]
