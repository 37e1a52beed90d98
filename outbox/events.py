"""The base of domain events: facts, named in the past tense, that other parts of the system react to."""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, ClassVar, Self, TypeVar

from outbox.errors import MalformedPayload

E = TypeVar("E", bound="DomainEvent")

event_types: dict[str, type[DomainEvent]] = {}
"""Name on the wire → event class, filled as event modules are imported."""


@dataclass(frozen=True, kw_only=True)
class DomainEvent:
    """
    Something that has happened to one aggregate.

    A subclass is a frozen dataclass whose fields are the payload, JSON scalars only, so that what is stored is
    what is declared. It names `event_type` (the name on the wire, never a Python path), `schema_version` (raised
    when the meaning of a key changes; adding keys does not), `aggregate_type`, and the field that identifies the
    aggregate. Events of one aggregate are handled in the order in which they were published.
    """

    event_type: ClassVar[str] = ""
    schema_version: ClassVar[int] = 1
    aggregate_type: ClassVar[str] = ""
    aggregate_id_field: ClassVar[str] = ""

    @property
    def aggregate_id(self) -> str:
        return str(getattr(self, self.aggregate_id_field))

    def payload(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_payload(cls, payload: Any) -> Self:
        """
        Rebuild the event from its stored payload.

        Keys that this version does not know are dropped: a newer publisher may have added them. Raises
        MalformedPayload when a key without a default is missing.
        """
        if not isinstance(payload, dict):
            raise MalformedPayload(f"the payload of {cls.event_type} is not an object")
        declared = fields(cls)
        missing = [
            field.name
            for field in declared
            if field.name not in payload and field.default is MISSING and field.default_factory is MISSING
        ]
        if missing:
            raise MalformedPayload(f"the payload of {cls.event_type} has no {', '.join(missing)}")
        return cls(**{field.name: payload[field.name] for field in declared if field.name in payload})


def register(cls: type[E]) -> type[E]:
    """Register an event class under its name on the wire; raises ValueError when another class has that name."""
    other = event_types.setdefault(cls.event_type, cls)
    if other is not cls and other.__qualname__ != cls.__qualname__:
        raise ValueError(f"{cls.event_type} is published by both {other.__qualname__} and {cls.__qualname__}")
    return cls
