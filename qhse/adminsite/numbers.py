"""
Numbers in forms: fields that never guess, and an input that sends what stands in it.

The browser's own input for numbers is not used. It reads a point or a comma by the language of the browser, and sends
nothing, or another number, of what it cannot read. A wheel over it changes the number.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models

_WHOLE = re.compile(r"[0-9]{1,18}", re.ASCII)
_AMOUNT = re.compile(r"[0-9]{1,15}(?:[.,][0-9]{1,2})?", re.ASCII)


class WholeNumberInput(forms.TextInput):
    """An input for digits, for which a telephone shows its keys of digits."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"class": "vIntegerField", "inputmode": "numeric"} | (attrs or {}))


class AmountInput(forms.TextInput):
    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"class": "vIntegerField", "inputmode": "decimal"} | (attrs or {}))


class WholeNumberField(forms.IntegerField):
    """
    A whole number from 0 on, of digits alone.

    Django's own field makes 1 of "1.000", which is a thousand to whoever typed it. It also takes 1_000 and other
    alphabets' digits.
    """

    widget = WholeNumberInput

    def to_python(self, value: Any) -> int | None:
        text = _typed(value)
        if text and not _WHOLE.fullmatch(text):
            raise ValidationError(
                f"Must be a whole number in digits alone, such as 1200, not {text[:40]!r}.", code="invalid"
            )
        return super().to_python(text)


class AmountField(forms.DecimalField):
    """
    An amount from 0 on, with at most two digits behind its point or comma.

    So a sign for thousands is no decimal sign: "1.000" is refused, and "1.000,50" as well.
    """

    widget = AmountInput

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]  # django-stubs: of IntegerField
        text = _typed(value)
        if text and not _AMOUNT.fullmatch(text):
            raise ValidationError(
                f"Must be an amount such as 1250 or 1250.50, without a sign for thousands, not {text[:40]!r}.",
                code="invalid",
            )
        return super().to_python(text.replace(",", "."))


_WHOLES = {"form_class": WholeNumberField, "widget": WholeNumberInput}
NUMBERS: dict[type[models.Field[Any, Any]], dict[str, Any]] = {
    models.IntegerField: _WHOLES,
    models.BigIntegerField: _WHOLES,  # for which Django has an input of its own
    models.DecimalField: {"form_class": AmountField, "widget": AmountInput},
}
"""The fields of a page's numbers, for its `formfield_overrides`."""


def _typed(value: Any) -> str:
    return "" if value is None else str(value).strip()
