"""
System checks of event classes and handlers: `manage.py check` reports everything that is wrong with them at once.

Two events, or two handlers, of one name are not among them: importing the second raises, in every process.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, register
from django.db.models import Model

from outbox.events import DomainEvent, event_types
from outbox.models import OutboxEvent, ProcessedEvent
from outbox.payloads import NotJson, PayloadKey, fits, json_type, payload_keys
from outbox.registry import Handler, all_handlers

MAX_SCHEMA_VERSION = 32_767  # what the column holds


@register()
def check_events(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Report event classes whose events could not be stored, read back, handled or understood."""
    problems: list[CheckMessage] = [
        Error(
            f"The event class is not registered, so no worker would ever handle {cls.event_type}.",
            hint="Put @register (of outbox.events) above its @dataclass.",
            obj=_name(cls),
            id="outbox.E001",
        )
        for cls in _unregistered()
    ]
    for cls in event_types.values():
        problems += problems_of_event(cls)
    return problems


@register()
def check_handlers(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Report handlers that would never be called, or whose having run could not be stored."""
    return [problem for handler in all_handlers() for problem in problems_of_handler(handler)]


def problems_of_event(cls: type[DomainEvent]) -> Iterator[CheckMessage]:
    """Yield what is wrong with a registered event class."""
    yield from _wrong_names(cls)
    yield from _wrong_class(cls)
    try:
        keys = payload_keys(cls)
    except (NameError, TypeError) as error:
        yield Error(
            f"The event class has a field whose type cannot be read: {error}.",
            hint="Import the type where the class is defined, and not only under TYPE_CHECKING.",
            obj=_name(cls),
            id="outbox.E007",
        )
        return
    if cls.aggregate_id_field not in {key.name for key in keys}:
        yield Error(
            f"The event class has no field {cls.aggregate_id_field!r}, which its aggregate_id_field names.",
            hint="Set aggregate_id_field to the field with the id of the record that the event is about.",
            obj=_name(cls),
            id="outbox.E004",
        )
    for key in keys:
        yield from _wrong_key(cls, key)


def problems_of_handler(handler: Handler) -> Iterator[CheckMessage]:
    """Yield what is wrong with a handler's name, and with the events that it subscribes to."""
    for cls in handler.event_classes:
        if event_types.get(cls.event_type) is not cls:
            yield Error(
                f"The handler subscribes to {_name(cls)}, which is not registered, so it would never be called for it.",
                hint="Name each registered event class. A base class that several events share is none.",
                obj=handler.name,
                id="outbox.E011",
            )
    limit = _max_length(ProcessedEvent, "handler")
    if not 1 <= len(handler.name) <= limit:
        yield Error(
            f"The handler's name has {len(handler.name)} characters; from 1 to {limit} can be stored.",
            hint="Choose a name like <app>.<verb>_<noun>. It cannot be changed once the handler has run.",
            obj=handler.name or _name(handler.function),
            id="outbox.E012",
        )


def _wrong_names(cls: type[DomainEvent]) -> Iterator[CheckMessage]:
    for attribute, example, code in (
        ("event_type", "GAUGE_CALIBRATED", "outbox.E002"),
        ("aggregate_type", "gauge", "outbox.E003"),
    ):
        value: Any = getattr(cls, attribute)
        limit = _max_length(OutboxEvent, attribute)
        if not (isinstance(value, str) and 1 <= len(value) <= limit):
            yield Error(
                f"The event class has {attribute} {value!r}; a text of 1 to {limit} characters is needed.",
                hint=f'Set it in the class or in its base: {attribute}: ClassVar[str] = "{example}"',
                obj=_name(cls),
                id=code,
            )
    version: Any = cls.schema_version
    if type(version) is not int or not 1 <= version <= MAX_SCHEMA_VERSION:
        yield Error(
            f"The event class has schema_version {version!r}; from 1 to {MAX_SCHEMA_VERSION} can be stored.",
            hint="Begin with 1, and add 1 when the meaning of a key changes.",
            obj=_name(cls),
            id="outbox.E010",
        )


def _wrong_class(cls: type[DomainEvent]) -> Iterator[CheckMessage]:
    # Whether it is frozen need not be asked: Python refuses to derive any other from DomainEvent.
    if "__dataclass_fields__" not in vars(cls):
        yield Error(
            "The event class is not a dataclass itself, so its payload lacks the fields that it declares.",
            hint="Put @dataclass(frozen=True, kw_only=True) between @register and the class.",
            obj=_name(cls),
            id="outbox.E005",
        )
    doc = vars(cls).get("__doc__") or ""
    # Where there is no docstring, @dataclass writes one: how the constructor is called.
    if not doc.strip() or doc.startswith(f"{cls.__name__}("):
        yield Error(
            "The event class has no docstring of its own.",
            hint="Tell in a sentence what has happened. The events page shows it.",
            obj=_name(cls),
            id="outbox.E006",
        )


def _wrong_key(cls: type[DomainEvent], key: PayloadKey) -> Iterator[CheckMessage]:
    try:
        words = json_type(key.type)
    except NotJson as error:
        yield Error(
            f"JSON cannot hold the field {key.name} of the event class: {error}.",
            hint="Use int, float, str, bool, None, and list[…] and dict[str, …] of these. Store a date as text.",
            obj=_name(cls),
            id="outbox.E007",
        )
        return
    if key.key is None or not key.key.meaning.strip():
        yield Error(
            f"The event class does not say what its field {key.name} means.",
            hint=f'Declare it so: {key.name}: Annotated[{key.type_in_code}, Key("its meaning", example=…)]',
            obj=_name(cls),
            id="outbox.E008",
        )
    elif not fits(key.key.example, key.type):
        yield Error(
            f"The event class gives {key.key.example!r} as an example of {key.name}, whose type is: {words}.",
            hint="Give an example that has the type of the field.",
            obj=_name(cls),
            id="outbox.E009",
        )


def _unregistered() -> Iterator[type[DomainEvent]]:
    """Yield the classes that have a name on the wire and are not registered under it, of the apps' event modules."""
    modules = {f"{config.name}.events" for config in apps.get_app_configs()}
    for cls in _subclasses_of(DomainEvent):
        if cls.__module__ in modules and cls.event_type and event_types.get(cls.event_type) is not cls:
            yield cls


def _subclasses_of(cls: type[DomainEvent]) -> Iterator[type[DomainEvent]]:
    for subclass in cls.__subclasses__():
        yield subclass
        yield from _subclasses_of(subclass)


def _name(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"


def _max_length(model: type[Model], field: str) -> int:
    column: Any = model._meta.get_field(field)
    return int(column.max_length)
