"""
Days in forms: the browser's own input, and a field that never guesses.

Django's calendar is not used. Its titles and chosen day need colour to be seen, a telephone shows it beside its
keyboard, and typing into it gave no hint of the form. A browser's input has a calendar, says in the field which form it
wants, and sends YYYY-MM-DD whatever it shows.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from qhse.days import FORM, DayRefused, read_day


class DayInput(forms.DateInput):
    """The browser's input for a day. What it could not show comes back as text, so that nothing typed is lost."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"class": "day", "placeholder": FORM} | (attrs or {}), format="%Y-%m-%d")

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        if isinstance(value, str) and not _is_iso(value):
            context["widget"]["type"] = "text"
        return context


class DayField(forms.DateField):
    """Takes a day in each form that can mean only one: see `qhse.days`."""

    widget = DayInput

    def to_python(self, value: Any) -> date | None:
        if value in self.empty_values or isinstance(value, date):
            return super().to_python(value)
        try:
            return read_day(str(value).strip()) if str(value).strip() else None
        except DayRefused as refusal:
            raise ValidationError(str(refusal), code="invalid") from None


def _is_iso(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return not text
