"""What event classes declare about their payloads. The system checks and the events page read it."""

from __future__ import annotations

import json
from dataclasses import MISSING, dataclass, fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from outbox.events import DomainEvent, Key

WORDS: dict[Any, str] = {
    int: "integer",
    float: "number",
    str: "text",
    bool: "true or false",
    NoneType: "null",
    list: "list",
    dict: "object",
    Any: "any JSON value",
}


class NotJson(TypeError):
    """A type has no counterpart in JSON. Its values could not be read back as what was declared."""


@dataclass(frozen=True, slots=True)
class PayloadKey:
    """One key of a payload. What its author says about it is `key`. None means that they say nothing."""

    name: str
    type: Any
    key: Key | None
    default: Any

    @property
    def is_optional(self) -> bool:
        """Return whether a stored payload may lack it. Such a payload is older than the key."""
        return self.default is not MISSING


def payload_keys(cls: type[DomainEvent]) -> list[PayloadKey]:
    """Return the keys in the order of their declaration. Raises NameError for a type that cannot be found."""
    types, hints = get_type_hints(cls), get_type_hints(cls, include_extras=True)
    return [
        PayloadKey(
            name=field.name,
            type=types[field.name],
            key=next((note for note in get_args(hints[field.name]) if isinstance(note, Key)), None),
            default=field.default if field.default_factory is MISSING else field.default_factory(),
        )
        for field in fields(cls)
    ]


def example_payload(cls: type[DomainEvent]) -> dict[str, Any]:
    """Return a payload made of the keys' examples."""
    return {key.name: key.key.example for key in payload_keys(cls) if key.key is not None}


def json_type(annotation: Any) -> str:
    """Return what a Python type is in JSON, in words. Raises NotJson for one that is nothing there."""
    if annotation in WORDS:
        return WORDS[annotation]
    match get_origin(annotation), get_args(annotation):
        case origin, options if origin in (Union, UnionType):
            return " or ".join(json_type(option) for option in options)
        case origin, values if origin is Literal and all(type(value) in WORDS for value in values):
            return " or ".join(f"`{value}`" if isinstance(value, str) else json.dumps(value) for value in values)
        case origin, (item,) if origin is list:
            return f"list of {_several(item)}"
        case origin, (key, value) if origin is dict and key is str:
            return "object" if value is Any else f"object of {_several(value)}"
    raise NotJson(f"{getattr(annotation, '__name__', annotation)} is not a JSON type")


def fits(value: Any, annotation: Any) -> bool:
    """Return whether a value has this (JSON) type. As in JSON, a whole number is a float too."""
    origin, arguments = get_origin(annotation) or annotation, get_args(annotation)
    if origin in (Union, UnionType):
        return any(fits(value, option) for option in arguments)
    if origin is Literal:
        return value in arguments
    if not (type(value) is origin or origin is Any or (type(value) is int and origin is float)):
        return False
    return not arguments or all(fits(part, arguments[-1]) for part in (value.values() if origin is dict else value))


def _several(annotation: Any) -> str:
    words = json_type(annotation)
    if annotation is bool:
        return words
    return f"{words}s" if words in WORDS.values() else f"({words})"
