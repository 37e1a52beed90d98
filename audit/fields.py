"""Columns that can be read whatever somebody has inserted: no single row may end a list."""

from __future__ import annotations

import json
import math
from typing import Any

from django.db import models

UNREADABLE_VALUE = object()
"""Stands for a document that cannot be read. No digest can be made over it, so it proves nothing."""


class ReadableJSONField(models.JSONField):
    """A document. One that Python cannot hold is read as UNREADABLE_VALUE."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        if not isinstance(value, str):
            return super().from_db_value(value, expression, connection)
        try:
            return json.loads(value, parse_float=_finite)
        except (ValueError, RecursionError):  # 5,000 digits; 3,000 levels; more than a float holds
            return UNREADABLE_VALUE

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs


class ReadableDateTimeField(models.DateTimeField):
    """A time. One that Python cannot hold, such as infinity, is read as None."""

    def select_format(self, compiler: Any, sql: str, params: Any) -> Any:
        if compiler.connection.vendor != "postgresql":
            return sql, params  # SQLite's driver reads it as None by itself
        return f"CASE WHEN {sql} BETWEEN '0001-01-02' AND '9999-12-30' THEN {sql} END", [*params, *params]

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.DateTimeField", args, kwargs


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("not a number that a document can hold")
    return number
