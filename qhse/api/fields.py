"""Serializer fields that convert nothing. Their refusals say what to change."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from rest_framework import serializers

from qhse.text import plain

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


class OneOfField(serializers.ChoiceField):
    """A choice whose refusal lists the choices."""

    def __init__(self, choices: Any, **kwargs: Any) -> None:
        known = ", ".join(str(value) for value, _ in choices)
        super().__init__(choices, error_messages={"invalid_choice": f"Must be one of {known}."}, **kwargs)
