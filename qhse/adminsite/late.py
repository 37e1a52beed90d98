"""What a person typed into a form that can store nothing any more. It is given back, as they wrote it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django import forms
from django.core.exceptions import PermissionDenied
from django.forms.utils import pretty_name
from django.http import HttpRequest

from qhse.adminsite.marks import OPENED, values_in
from qhse.adminsite.meanwhile import differ
from qhse.text import plain

WRITTEN_IN = (forms.TextInput, forms.Textarea, forms.NumberInput, forms.EmailInput, forms.URLInput)
"""The inputs that people type into. The one of a password is not among them."""


def written_in(request: HttpRequest, form_classes: Iterable[type[forms.BaseForm]]) -> list[tuple[str, str]]:
    """
    Return what a person has typed into a form of these classes: the label of each field, and the text.

    What the form was opened with is not repeated. Fields of one name are told by the label of the first class.
    """
    opened = values_in(request.POST.get(OPENED, ""))
    fields: dict[str, forms.Field] = {}
    for form_class in form_classes:
        fields |= {name: each for name, each in form_class.base_fields.items() if name not in fields}  # type: ignore[attr-defined]
    found = []
    for name, field in fields.items():
        text = plain(request.POST.get(name, "")) if isinstance(field.widget, WRITTEN_IN) else ""
        if text and differ(field, opened.get(name, ""), text):
            found.append((str(field.label or pretty_name(name)), text))
    return found


def you_had_written(written: Iterable[tuple[str, str]]) -> str:
    """Return the end of a message that gives texts back. Nothing if nothing was written."""
    told = " · ".join(f"{label}: {text}" for label, text in written)
    return f" You had written: {told}" if told else ""


@contextmanager
def given_back_if_denied(request: HttpRequest, form_classes: Iterable[type[forms.BaseForm]]) -> Iterator[None]:
    """Let the page that refuses show what was typed: its writer may have lost the right since they opened the form."""
    try:
        yield
    except PermissionDenied:
        vars(request)["typed_in_vain"] = written_in(request, form_classes)
        raise
