"""What happens to non-conformities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from outbox.events import DomainEvent, Key, register


@dataclass(frozen=True, kw_only=True)
class NonConformityEvent(DomainEvent):
    aggregate_type: ClassVar[str] = "nonconformity"
    aggregate_id_field: ClassVar[str] = "nc_id"

    nc_id: Annotated[int, Key("the non-conformity", example=41)]
    supplier_id: Annotated[int, Key("the supplier that it is recorded against", example=17)]
    severity: Annotated[str, Key("`low`, `medium` or `high`", example="high")]


@register
@dataclass(frozen=True, kw_only=True)
class NonConformityOpened(NonConformityEvent):
    """A non-conformity has been recorded against a supplier."""

    event_type: ClassVar[str] = "NC_CREATED"


@register
@dataclass(frozen=True, kw_only=True)
class NonConformityClosed(NonConformityEvent):
    """A non-conformity has been closed. There is at most one such event for each."""

    event_type: ClassVar[str] = "NC_CLOSED"
