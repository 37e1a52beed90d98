"""What others have changed since a page was opened, beside what stands in the page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django import forms
from django.utils.text import capfirst

from qhse.adminsite.display import NONE, moment
from qhse.adminsite.forms import ServiceForm
from qhse.adminsite.panels import Content


class Change(NamedTuple):
    """A change of one field, as the trail has it. Without a `field` the `action` says what it was."""

    field: str
    old: Any
    new: Any
    action: str
    by: str
    at: datetime | None


def opened_with(changes: Sequence[Change]) -> dict[str, Any]:
    """Return the values with which the page was opened, of the fields that have changed since."""
    return {change.field: change.old for change in changes if change.field}  # newest first, so that the oldest stays


def meanwhile_panel(form: ServiceForm, changes: Sequence[Change]) -> Content:
    """Return the newest change of each field: what it was and is, what this page would make of it, by whom, when."""
    was, rows, told = opened_with(changes), [], set()
    for change in changes:
        if change.field and change.field in told:
            continue
        told.add(change.field)
        rows.append((
            label_of(form, change.field) if change.field else change.action,
            _shown(form, change.field, was[change.field]) if change.field else NONE,
            _shown(form, change.field, change.new) if change.field else NONE,
            _typed(form, change),
            change.by,
            moment(change.at),
        ))  # fmt: skip
    return {
        "template": "adminsite/table_panel.html",
        "title": "Changed since you opened this page",
        "columns": ("What", "Was", "Is now", "In your form", "Changed by", "When (UTC)"),
        "rows": rows,
        "empty": "The trail has no entry of it. The page shows what is stored now.",
    }


def in_words(field: forms.Field | None, value: Any) -> str:
    """Return a value as people read it."""
    if value is None or value in ("", []):
        return NONE
    if isinstance(value, list):
        return ", ".join(in_words(field, each) for each in value)
    if isinstance(value, bool):
        return "Yes" if value else "No"
    choices = dict(getattr(field, "choices", ()) or ())
    return str(choices.get(value, value))


def label_of(form: Any, name: str) -> str:
    return str(form[name].label) if name in form.fields else capfirst(name.replace("_", " "))


def _shown(form: ServiceForm, name: str, value: Any) -> str:
    return in_words(form.fields.get(name), value)


def _typed(form: ServiceForm, change: Change) -> str:
    if change.field not in form.fields:
        return NONE
    return in_words(form.fields[change.field], form[change.field].value())
