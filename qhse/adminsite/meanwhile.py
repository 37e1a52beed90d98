"""
What others have changed since a page was opened, beside what stands in the page.

A form carries the values that it was opened with. So it is known of each field, whatever it is called in the trail,
what the person has not touched and what others have changed. The trail says who did it and when.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from copy import copy
from datetime import datetime
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.text import capfirst

from qhse.adminsite.display import NONE, moment
from qhse.adminsite.forms import ServiceForm
from qhse.adminsite.marks import Sent
from qhse.adminsite.panels import Content


class Change(NamedTuple):
    """
    A change of one field, as the trail has it, in people's words. `field` is its name there.

    Without a `field`, `what` says what was done.
    """

    field: str
    what: str
    old: str
    new: str
    by: str
    at: datetime | None


class Difference(NamedTuple):
    """A field that has another value than when the page was opened. `was` is None if the page does not say."""

    field: str
    was: Sent | None
    now: Sent


def values_of(form: forms.BaseForm) -> dict[str, Sent]:
    """Return what a browser sends of this form, if nobody touches it. Files and passwords are left out."""
    return {each.name: _sent(each.value()) for each in form if _is_carried(each.field)}


def take_in(form: ServiceForm, opened: dict[str, Sent]) -> list[Difference]:
    """
    Let the fields of a stale form that were sent as they were opened have the value of now.

    What the person has typed stays. Return what others have changed. Of a page that carries nothing, from before an
    upgrade say, everything stays. Returned is then what is not as it is stored.
    """
    present = type(form)(instance=form.instance)
    # What can be chosen may follow from the record, which this form may have been made with before it was changed.
    form.fields = present.fields
    vars(form)["_bound_fields_cache"].clear()
    found, data = [], copy(form.data)
    for name, now in values_of(present).items():
        field, typed, was = form.fields[name], _sent(form[name].data), opened.get(name)
        if was is None:
            if name in present.initial and differ(field, now, typed):
                found.append(Difference(name, None, now))
            continue
        if differ(field, was, now):
            found.append(Difference(name, was, now))
        if not differ(field, was, typed):
            _put(data, name, now)
    form.data = data
    return found


def differ(field: forms.Field, first: Sent, second: Sent) -> bool:
    """Answer whether two values of a field mean different things, in the sense of Django's `changed_data`."""
    if first == second:
        return False
    read: Any = first
    with suppress(ValidationError):  # of one that cannot be chosen any more, say
        read = field.to_python(first)
    return field.has_changed(read, second)


def meanwhile_panel(form: ServiceForm, differences: Sequence[Difference], changes: Sequence[Change]) -> Content:
    """Return what was and is, what this page would make of it, by whom, when. Then what the form does not ask for."""
    rows = [_row(form, each, changes) for each in differences]
    others = [each for each in changes if not set(names_in_form(each.field)) & set(form.fields)]
    oldest = {(each.field, each.what): each.old for each in others}  # newest first, so that the oldest stays
    newest = {(each.field, each.what): each for each in reversed(others)}
    rows += [
        (each.what, oldest[key], each.new, NONE, each.by, moment(each.at)) for key, each in reversed(newest.items())
    ]
    return {
        "template": "adminsite/table_panel.html",
        "title": "Changed since you opened this page",
        "columns": ("What", "Was", "Is now", "In your form", "Changed by", "When (UTC)"),
        "rows": rows,
        "empty": "Nothing that this form asks for is another than when you opened the page.",
    }


def _row(form: ServiceForm, each: Difference, changes: Iterable[Change]) -> tuple[object, ...]:
    field = form.fields[each.field]
    last = next((change for change in changes if each.field in names_in_form(change.field)), None)
    return (
        label_of(form, each.field),
        NONE if each.was is None else in_words(field, each.was),
        in_words(field, each.now),
        in_words(field, _sent(form[each.field].value())),
        last.by if last else NONE,
        moment(last.at if last else None),
    )


def names_in_form(name: str) -> Collection[str]:
    """Return what a form may call a field of the trail: `supplier_id` is chosen as `supplier`."""
    return (name, name.removesuffix("_id"))


def in_words(field: forms.Field | None, value: Any) -> str:
    """Return a value as people read it."""
    if value is None or value in ("", []):
        return NONE
    if isinstance(value, list):
        return ", ".join(in_words(field, each) for each in value)
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(field, forms.ModelChoiceField):
        return _record_in_words(field, value)
    choices = {str(key): label for key, label in getattr(field, "choices", ())}
    return str(choices.get(str(value), value))


def _record_in_words(field: forms.ModelChoiceField[Any], value: Any) -> str:
    """Return the name of a record, also of one that cannot be chosen any more."""
    model: Any = field.queryset.model  # type: ignore[union-attr]
    if isinstance(value, Model):
        return str(field.label_from_instance(value))
    try:
        record = model._default_manager.filter(pk=model._meta.pk.clean(value, None)).first()
    except ValidationError:
        record = None
    return str(value if record is None else field.label_from_instance(record))


def label_of(form: Any, name: str) -> str:
    return str(form[name].label) if name in form.fields else capfirst(name.replace("_", " "))


def _is_carried(field: forms.Field) -> bool:
    return not (field.disabled or isinstance(field, forms.FileField) or isinstance(field.widget, forms.PasswordInput))


def _sent(value: Any) -> Sent:
    if isinstance(value, list | tuple):
        return [str(each) for each in value]
    if isinstance(value, bool):
        return value
    return "" if value is None else str(value)


def _put(data: Any, name: str, value: Sent) -> None:
    if isinstance(value, list):
        data.setlist(name, value)
    elif value is False:
        data.pop(name, None)
    else:
        data[name] = "on" if value is True else value
