"""What event classes declare about their payloads, as the system checks and the events page read it."""

from __future__ import annotations

import json
from dataclasses import MISSING, Field, dataclass, fields
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from outbox.events import DomainEvent, Key

SCALARS: dict[Any, tuple[str, str]] = {
    int: ("integer", "integers"),
    float: ("number", "numbers"),
    str: ("text", "texts"),
    bool: ("true or false", "true or false"),
    NoneType: ("null", "nulls"),
    Any: ("any JSON value", "any JSON values"),
}


class NotJson(TypeError):
    """A type has no counterpart in JSON, so what is stored could not be read back as what was declared."""


@dataclass(frozen=True, slots=True)
class PayloadKey:
    """One key of a payload. `key` is what its author says about it, None when he says nothing."""

    name: str
    type: Any
    key: Key | None
    default: Any = MISSING

    @property
    def is_optional(self) -> bool:
        """Return whether a stored payload may lack it: one that is older than the key."""
        return self.default is not MISSING

    @property
    def type_in_code(self) -> str:
        return self.type.__name__ if isinstance(self.type, type) and not get_args(self.type) else str(self.type)


def payload_keys(cls: type[DomainEvent]) -> list[PayloadKey]:
    """Return the keys in the order of their declaration. Raises NameError for a type that cannot be found."""
    hints = get_type_hints(cls, include_extras=True)
    return [_payload_key(field, hints[field.name]) for field in fields(cls)]


def example_payload(cls: type[DomainEvent]) -> dict[str, Any]:
    """Return a payload made of the keys' examples."""
    return {key.name: key.key.example for key in payload_keys(cls) if key.key is not None}


def json_type(annotation: Any) -> str:
    """Return what a Python type is in JSON, in words; raises NotJson for one that is nothing there."""
    if annotation in SCALARS:
        return SCALARS[annotation][0]
    origin, arguments = get_origin(annotation) or annotation, get_args(annotation)
    if origin in (Union, UnionType):
        return " or ".join(json_type(option) for option in arguments)
    if origin is Literal:
        return " or ".join(_literal(value) for value in arguments)
    if origin is list:
        return f"list of {_plural(arguments[0])}" if arguments else "list"
    if origin is dict and (not arguments or arguments[0] is str):
        return "object" if not arguments or arguments[1] is Any else f"object of {_plural(arguments[1])}"
    raise NotJson(f"{getattr(annotation, '__name__', annotation)} is not a JSON type")


def fits(value: Any, annotation: Any) -> bool:
    """Return whether a value has this (JSON) type; a whole number is a float too, as it is in JSON."""
    origin, arguments = get_origin(annotation) or annotation, get_args(annotation)
    if annotation is Any:
        return True
    if origin in (Union, UnionType):
        return any(fits(value, option) for option in arguments)
    if origin is Literal:
        return value in arguments
    if origin is list:
        return isinstance(value, list) and all(fits(item, arguments[0]) for item in value if arguments)
    if origin is dict:
        return isinstance(value, dict) and all(fits(item, arguments[1]) for item in value.values() if arguments)
    if annotation is float:
        return type(value) in (int, float)
    return type(value) is annotation


def _payload_key(field: Field[Any], hint: Any) -> PayloadKey:
    if get_origin(hint) is Annotated:
        hint, *notes = get_args(hint)
        key = next((note for note in notes if isinstance(note, Key)), None)
    else:
        key = None
    default = field.default if field.default_factory is MISSING else field.default_factory()
    return PayloadKey(field.name, hint, key, default)


def _plural(annotation: Any) -> str:
    if annotation in SCALARS:
        return SCALARS[annotation][1]
    if (get_origin(annotation) or annotation) is dict and json_type(annotation) == "object":
        return "objects"
    return f"({json_type(annotation)})"


def _literal(value: Any) -> str:
    if type(value) not in SCALARS:
        raise NotJson(f"{value!r} is not a JSON value")
    return f"`{value}`" if isinstance(value, str) else json.dumps(value)
