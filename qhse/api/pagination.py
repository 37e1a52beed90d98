"""Pages: `?limit` and `?offset`. Out of range they are refused, not bent into it."""

from __future__ import annotations

import re
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request

MAX_LIMIT = 100
MAX_OFFSET = 10_000_000
_DIGITS = re.compile(r"[0-9]{1,8}", re.ASCII)


class StrictLimitOffsetPagination(LimitOffsetPagination):
    """
    `limit` 1–100 (default 20), `offset` 0–10,000,000. Anything else is a 400.

    The list's queryset must have a total order: end it with the primary key. Else rows would repeat or vanish between
    pages.
    """

    default_limit = 20
    max_limit = MAX_LIMIT
    query_parameters = ("limit", "offset")

    def get_limit(self, request: Request) -> int:
        return self._whole_number(request, "limit", self.default_limit, minimum=1, maximum=MAX_LIMIT)

    def get_offset(self, request: Request) -> int:
        return self._whole_number(request, "offset", 0, minimum=0, maximum=MAX_OFFSET)

    def _whole_number(self, request: Request, name: str, default: int, *, minimum: int, maximum: int) -> int:
        raw = request.query_params.get(name)
        if raw is None:
            return default
        if _DIGITS.fullmatch(raw) and minimum <= int(raw) <= maximum:
            return int(raw)
        raise ValidationError({name: f"Must be a whole number from {minimum} to {maximum}."}, code="out_of_range")

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Replace DRF's, which says `nullable`. OpenAPI 3.1 has no such word, and null would not fit."""
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["count", "next", "previous", "results"],
            "properties": {
                "count": {"type": "integer", "description": "How many rows all pages have together."},
                "next": link,
                "previous": link,
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters = super().get_schema_operation_parameters(view)
        bounds = {"limit": (1, MAX_LIMIT, self.default_limit), "offset": (0, MAX_OFFSET, 0)}
        for parameter in parameters:
            minimum, maximum, default = bounds[parameter["name"]]
            parameter["schema"] |= {"minimum": minimum, "maximum": maximum, "default": default}
        return parameters
