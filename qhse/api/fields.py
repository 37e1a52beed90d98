"""Serializer fields with refusals that say what to change."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class OneOfField(serializers.ChoiceField):
    """A choice whose refusal lists the choices."""

    def __init__(self, choices: Any, **kwargs: Any) -> None:
        known = ", ".join(str(value) for value, _ in choices)
        super().__init__(choices, error_messages={"invalid_choice": f"Must be one of {known}."}, **kwargs)
