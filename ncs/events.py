"""What happens to non-conformities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from outbox.events import DomainEvent, register


@dataclass(frozen=True, kw_only=True)
class NonConformityEvent(DomainEvent):
    aggregate_type: ClassVar[str] = "nonconformity"
    aggregate_id_field: ClassVar[str] = "nc_id"

    nc_id: int
    supplier_id: int
    severity: str


@register
@dataclass(frozen=True, kw_only=True)
class NonConformityOpened(NonConformityEvent):
    """A non-conformity has been recorded against a supplier; `severity` is low, medium or high."""

    event_type: ClassVar[str] = "NC_CREATED"


@register
@dataclass(frozen=True, kw_only=True)
class NonConformityClosed(NonConformityEvent):
    """A non-conformity has been closed, once."""

    event_type: ClassVar[str] = "NC_CLOSED"
