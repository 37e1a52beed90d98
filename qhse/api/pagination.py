"""Pages: `?limit` and `?offset`. Out of range they are refused, not bent into it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.db.models import Model, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request

from qhse.api.filters import chosen_columns
from qhse.queries import WrittenList

MAX_LIMIT = 100
MAX_OFFSET = 10_000_000
DEEP = 1_000
"""From this offset on, keys are read before rows: at 150,000 a page of NCs then costs a third."""
_DIGITS = re.compile(r"[0-9]{1,8}", re.ASCII)


_lists: dict[tuple[type[Model], tuple[str, ...], tuple[str, ...]], WrittenList] = {}


def _written_list(queryset: Any, chosen: Mapping[str, Any] | None) -> WrittenList | None:
    """
    Return what reads a list that is filtered by nothing but values of columns. That is nearly every one.

    `chosen` is what the filters have chosen, None if there are others as well.
    """
    query = getattr(queryset, "query", None)
    if query is None or chosen is None:
        return None
    if query.annotations or query.select_related or query.distinct or query.is_sliced or not query.order_by:
        return None
    key = (queryset.model, query.order_by, tuple(sorted(chosen)))
    if key not in _lists and all(isinstance(each, str) for each in query.order_by):
        _lists[key] = WrittenList(*key)
    return _lists.get(key)


class StrictLimitOffsetPagination(LimitOffsetPagination):
    """
    `limit` 1–100 (default 20), `offset` 0–10,000,000. Anything else is a 400.

    The list's queryset must have a total order: end it with the primary key. Else rows would repeat or vanish between
    pages.
    """

    default_limit = 20
    max_limit = MAX_LIMIT
    query_parameters = ("limit", "offset")

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.request = request
        self.limit, self.offset = self.get_limit(request), self.get_offset(request)
        self.chosen = chosen_columns(request)
        written = _written_list(queryset, self.chosen)
        self.count = self.get_count(queryset) if written is None else self.count_of(written)
        if self.offset >= self.count:
            return []
        if self.offset >= DEEP and isinstance(queryset, QuerySet):
            # The rows before the page are passed in an index, and not read.
            keys = queryset.values("pk")[self.offset : self.offset + self.limit]
            return list(queryset.model._default_manager.filter(pk__in=keys).order_by(*queryset.query.order_by))
        if written is not None:
            return written.page(self.limit, self.offset, **(self.chosen or {}))
        return list(queryset[self.offset : self.offset + self.limit])

    def count_of(self, written: WrittenList) -> int:
        """Return how many records a list has. Apps that keep such counts know them without counting."""
        return written.count(**(self.chosen or {}))

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
