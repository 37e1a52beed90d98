"""The base of domain events. They are facts, named in the past tense. Other parts of the system react to them."""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, ClassVar, Self, TypeVar

from outbox.errors import MalformedPayload

__all__ = ["DomainEvent", "Key", "event_types", "full_name", "register"]

E = TypeVar("E", bound="DomainEvent")

event_types: dict[str, type[DomainEvent]] = {}
"""Name on the wire → event class, filled as event modules are imported."""


@dataclass(frozen=True, slots=True, eq=False)  # by identity, so that a list may be an example
class Key:
    """
    What a key of a payload means, written beside its type: `Annotated[int, Key("the supplier", example=17)]`.

    docs/events.md shows it. So the meaning is Markdown, begins with a small letter and has no full stop.
    `manage.py check` compares the example with the type.
    """

    meaning: str
    example: Any


@dataclass(frozen=True, kw_only=True)
class DomainEvent:
    """
    Something that has happened to one aggregate.

    A subclass is a frozen dataclass. Its fields are the payload, each with a Key; JSON types only, so that what is
    declared is what is stored. It names:

    - `event_type`, the name on the wire, never a Python path;
    - `schema_version`, raised when the meaning of a key changes, not when a key is added;
    - `aggregate_type`, and the field that identifies the aggregate.

    Its docstring tells what has happened. `outbox.checks` says what is missing. Events of one aggregate are handled
    in the order in which they were published.
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

        Unknown keys are dropped: a newer publisher may have added them. Types are not compared. A newer publisher may
        have added a choice, and its events must not die of an older worker. Raises MalformedPayload when a key without
        a default is missing.
        """
        if not isinstance(payload, dict):
            raise MalformedPayload(f"the payload of {cls.event_type} is not an object")
        try:
            return cls(**payload)
        except TypeError:  # keys are missing or unknown, which is rare: so they are looked at only now
            declared = fields(cls)
        required = [field.name for field in declared if field.default is field.default_factory is MISSING]
        if missing := [name for name in required if name not in payload]:
            raise MalformedPayload(f"the payload of {cls.event_type} has no {', '.join(missing)}")
        return cls(**{field.name: payload[field.name] for field in declared if field.name in payload})


def register(cls: type[E]) -> type[E]:
    """
    Register an event class under its name on the wire.

    Raises ValueError when another class has that name. No process may start that would read the payloads of one as the
    other. Whatever else is wrong with the class, `manage.py check` reports. It reports all of it at once.
    """
    # One without a name is kept under a key that no stored event has, for the check to find.
    name = cls.event_type or full_name(cls)
    other = event_types.get(name, cls)
    # A module that is loaded again defines its classes again. The newer one counts.
    if full_name(other) != full_name(cls):
        raise ValueError(
            f"{name} is published by both {full_name(other)} and {full_name(cls)}; give one of them another event_type"
        )
    event_types[name] = cls
    return cls


def full_name(thing: Any) -> str:
    """Return where a class or a function is defined."""
    return f"{thing.__module__}.{thing.__qualname__}"
