"""Columns that can be read whatever somebody has inserted: no single row may end a list, or fill the memory."""

from __future__ import annotations

import json
import math
from typing import Any

from django.db import models

UNREADABLE_VALUE = object()
"""Stands for a document that cannot be read. No digest can be made over it, so it proves nothing."""

LARGEST_WRITTEN = 200_000
"""Bytes of the document that the mark of an entry covers. `audit.services` refuses more."""

LARGEST_READ = 256_000
"""Bytes of a column; PostgreSQL does not send more. A thousand entries are read at once."""


class ReadableJSONField(models.JSONField):
    """A document. One that Python cannot hold, or a larger one, is read as UNREADABLE_VALUE."""

    def select_format(self, compiler: Any, sql: str, params: Any) -> Any:
        if compiler.connection.vendor != "postgresql":
            return sql, params
        # The size as it is stored costs nothing to ask, and what is small there is small.
        is_small = f"pg_column_size({sql}) < 1000 OR octet_length({sql}::text) <= {LARGEST_READ}"
        return f"CASE WHEN {is_small} THEN {sql} END", [*params, *params, *params]

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        if not isinstance(value, str):
            return UNREADABLE_VALUE if value is None else super().from_db_value(value, expression, connection)
        try:
            return _decoder.decode(value)
        except (ValueError, RecursionError):  # 5,000 digits; 3,000 levels; more than a float holds
            return UNREADABLE_VALUE

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs


class ReadableTextField(models.TextField):
    """A text. A larger one is read as None, which no entry of the application has."""

    def select_format(self, compiler: Any, sql: str, params: Any) -> Any:
        if compiler.connection.vendor != "postgresql":
            return sql, params
        return f"CASE WHEN octet_length({sql}) <= {LARGEST_READ} THEN {sql} END", [*params, *params]

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs


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


# Made once: `json.loads` with an option of its own makes one for each row.
_decoder = json.JSONDecoder(parse_float=_finite)
