"""Serializer fields that convert nothing. Their refusals say what to change."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from rest_framework import serializers

from qhse.text import plain

_AMOUNT = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,2})?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class TextField(serializers.CharField):
    """
    A JSON string. DRF's own field also takes numbers, and would store 1e400 as the text "inf".

    Unless it keeps its white space, it is stored as `plain` has it: text with nothing to read in it is blank.
    """

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return super().run_validation(plain(data) if isinstance(data, str) and self.trim_whitespace else data)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class WholeNumberField(serializers.IntegerField):
    """A JSON integer. DRF's own field also takes 1.0, "1" and other alphabets' digits."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class DayField(serializers.DateField):
    """A day as `YYYY-MM-DD`. DRF's own field also takes 20270630, 2027-6-3 and the week date 2027-W01-1."""

    def to_internal_value(self, value: Any) -> date:
        if not isinstance(value, str) or not _DAY.fullmatch(value):
            self.fail("invalid", format="YYYY-MM-DD")
        return super().to_internal_value(value)


class AmountField(serializers.DecimalField):
    """An amount of money: a JSON number, or a text such as "12.50". DRF's own also takes 1_000 and other digits."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=12, decimal_places=2, min_value=0, **kwargs)

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        """Take null for nothing. DRF's own takes an empty text for it as well."""
        return (False, data) if isinstance(data, str) else super().validate_empty_values(data)

    def to_internal_value(self, data: Any) -> Any:
        is_number = isinstance(data, int | float) and not isinstance(data, bool)
        if not is_number and not (isinstance(data, str) and _AMOUNT.fullmatch(data)):
            self.fail("invalid")
        return super().to_internal_value(data)


class TrueFalseField(serializers.BooleanField):
    """JSON's true or false. DRF's own also takes "yes", "1" and "off"."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class OneOfField(serializers.ChoiceField):
    """A choice whose refusal lists the choices."""

    def __init__(self, choices: Any, **kwargs: Any) -> None:
        known = ", ".join(str(value) for value, _ in choices)
        super().__init__(choices, error_messages={"invalid_choice": f"Must be one of {known}."}, **kwargs)
