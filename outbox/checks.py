"""
System checks of event classes and handlers. One run of `manage.py check` reports everything that is wrong with them.

Two events, or two handlers, of one name are not among them. Importing the second raises, in every process.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, register
from django.db.models import Model

from outbox.events import DomainEvent, event_types, full_name
from outbox.models import OutboxEvent, ProcessedEvent
from outbox.payloads import NotJson, PayloadKey, fits, json_type, payload_keys
from outbox.registry import Handler, all_handlers

MAX_SCHEMA_VERSION = 32_767  # what the column holds

# What can be wrong, and what to do about it.
PROBLEMS = {
    "E001": (
        "The event class is not registered, so no worker would ever handle {event_type}.",
        "Put @register (of outbox.events) above its @dataclass.",
    ),
    "E002": (
        "The event class has event_type {value!r}; a text of 1 to {limit} characters is needed.",
        'Set it in the class or in its base: event_type: ClassVar[str] = "GAUGE_CALIBRATED"',
    ),
    "E003": (
        "The event class has aggregate_type {value!r}; a text of 1 to {limit} characters is needed.",
        'Set it in the class or in its base: aggregate_type: ClassVar[str] = "gauge"',
    ),
    "E004": (
        "The event class has no field {field!r}, which its aggregate_id_field names.",
        "Set aggregate_id_field to the field with the id of the record that the event is about.",
    ),
    "E005": (
        "The event class is not a dataclass itself, so its payload lacks the fields that it declares.",
        "Put @dataclass(frozen=True, kw_only=True) between @register and the class.",
    ),
    "E006": (
        "The event class has no docstring of its own.",
        "Tell in a sentence what has happened. The events page shows it.",
    ),
    "E007": (
        "JSON cannot hold {field} of the event class: {error}.",
        "Use int, float, str, bool, None, and list[…] and dict[str, …] of these. Store a date as text. "
        "Import no type under TYPE_CHECKING only.",
    ),
    "E008": (
        "The event class does not say what its field {field} means.",
        'Declare it so: {field}: Annotated[{type}, Key("its meaning", example=…)]',
    ),
    "E009": (
        "The event class gives {example!r} as an example of {field}, whose type is: {type}.",
        "Give an example that has the type of the field.",
    ),
    "E010": (
        "The event class has schema_version {value!r}; from 1 to {limit} can be stored.",
        "Begin with 1, and add 1 when the meaning of a key changes.",
    ),
    "E011": (
        "The handler subscribes to {cls}, which is not registered, so it would never be called for it.",
        "Name each registered event class. A base class that several events share is none.",
    ),
    "E012": (
        "The handler's name has {length} characters; from 1 to {limit} can be stored.",
        "Choose a name like <app>.<verb>_<noun>. It cannot be changed once the handler has run.",
    ),
}


@register()
def check_events(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Report faulty event classes. Their events could not be stored, read back, handled or understood."""
    unregistered = [_problem("E001", cls, event_type=cls.event_type) for cls in _unregistered()]
    return unregistered + [problem for cls in event_types.values() for problem in problems_of_event(cls)]


@register()
def check_handlers(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Report faulty handlers. They would never be called, or their having run could not be stored."""
    return [problem for handler in all_handlers() for problem in problems_of_handler(handler)]


def problems_of_event(cls: type[DomainEvent]) -> Iterator[CheckMessage]:
    """Yield what is wrong with a registered event class."""
    yield from _problems_of_class(cls)
    try:
        keys = payload_keys(cls)
    except (NameError, TypeError) as error:
        yield _problem("E007", cls, field="a field", error=error)
        return
    if cls.aggregate_id_field not in {key.name for key in keys}:
        yield _problem("E004", cls, field=cls.aggregate_id_field)
    for key in keys:
        yield from _problems_of_key(cls, key)


def problems_of_handler(handler: Handler) -> Iterator[CheckMessage]:
    """Yield what is wrong with a handler. Its name is checked, and the events that it subscribes to."""
    for cls in handler.event_classes:
        if event_types.get(cls.event_type) is not cls:
            yield _problem("E011", handler.name, cls=full_name(cls))
    limit = _max_length(ProcessedEvent, "handler")
    if not 1 <= len(handler.name) <= limit:
        yield _problem("E012", handler.name or handler.function, length=len(handler.name), limit=limit)


def _problems_of_class(cls: type[DomainEvent]) -> Iterator[CheckMessage]:
    for code, attribute in (("E002", "event_type"), ("E003", "aggregate_type")):
        value, limit = getattr(cls, attribute), _max_length(OutboxEvent, attribute)
        if not (isinstance(value, str) and 1 <= len(value) <= limit):
            yield _problem(code, cls, value=value, limit=limit)
    # Whether it is frozen need not be asked: Python refuses to derive any other from DomainEvent.
    if "__dataclass_fields__" not in vars(cls):
        yield _problem("E005", cls)
    doc = vars(cls).get("__doc__") or ""
    # Where there is no docstring, @dataclass writes one: how the constructor is called.
    if not doc.strip() or doc.startswith(f"{cls.__name__}("):
        yield _problem("E006", cls)
    version: Any = cls.schema_version
    if type(version) is not int or not 1 <= version <= MAX_SCHEMA_VERSION:
        yield _problem("E010", cls, value=version, limit=MAX_SCHEMA_VERSION)


def _problems_of_key(cls: type[DomainEvent], key: PayloadKey) -> Iterator[CheckMessage]:
    try:
        words = json_type(key.type)
    except NotJson as error:
        yield _problem("E007", cls, field=f"the field {key.name}", error=error)
        return
    if key.key is None or not key.key.meaning.strip():
        written = key.type.__name__ if isinstance(key.type, type) else key.type
        yield _problem("E008", cls, field=key.name, type=written)
    elif not fits(key.key.example, key.type):
        yield _problem("E009", cls, field=key.name, example=key.key.example, type=words)


def _problem(code: str, about: Any, **facts: Any) -> CheckMessage:
    message, hint = (text.format(**facts) for text in PROBLEMS[code])
    return Error(message, hint=hint, obj=about if isinstance(about, str) else full_name(about), id=f"outbox.{code}")


def _unregistered() -> Iterator[type[DomainEvent]]:
    """
    Yield classes that are not registered under their name on the wire. Those of the apps' event modules are looked at.
    """
    rooms = {f"{config.name}.events" for config in apps.get_app_configs()}
    for cls in _subclasses_of(DomainEvent):
        is_ours = cls.__module__ in rooms or cls.__module__.rpartition(".")[0] in rooms
        if is_ours and cls.event_type and event_types.get(cls.event_type) is not cls:
            yield cls


def _subclasses_of(cls: type[DomainEvent]) -> Iterator[type[DomainEvent]]:
    for subclass in cls.__subclasses__():
        yield subclass
        yield from _subclasses_of(subclass)


def _max_length(model: type[Model], field: str) -> int:
    column: Any = model._meta.get_field(field)
    return int(column.max_length)
