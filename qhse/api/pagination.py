"""Pages: `?limit` and `?offset`. Out of range they are refused, not bent into it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS
from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from qhse.api.filters import MAX_ID, chosen_columns
from qhse.queries import WrittenList

MAX_LIMIT = 100
MAX_OFFSET = 10_000_000
DEEP = 1_000
"""From this offset on, keys are read before rows: at 150,000 a page of NCs then costs a third. `next` says a key."""
MOST_COUNTED = 10_000
"""Records that are counted for a page, where nobody keeps their count: 2 ms at most, however large the table is."""
_DIGITS = re.compile(r"[0-9]{1,8}", re.ASCII)
_KEY = re.compile(r"[0-9]{1,18}", re.ASCII)


class Count(NamedTuple):
    """How many records a list has. If it is not exact, there are more."""

    number: int
    is_exact: bool = True


_lists: dict[tuple[Any, ...], WrittenList] = {}


def _written_list(
    queryset: Any, chosen: Mapping[str, Any] | None, always: Mapping[str, Any], behind: str = ""
) -> WrittenList | None:
    """
    Return what reads a list that is filtered by nothing but values of columns. That is nearly every one.

    `chosen` is what the filters have chosen, None if there are others as well. `always` and `behind` are as in
    WrittenList.
    """
    query = getattr(queryset, "query", None)
    if query is None or chosen is None:
        return None
    if query.annotations or query.select_related or query.distinct or query.is_sliced or not query.order_by:
        return None
    names, is_left_out = query.deferred_loading
    if names and is_left_out:
        return None
    key = (queryset.model, query.order_by, tuple(sorted(chosen)), behind, frozenset(names), tuple(always.items()))
    if key not in _lists and all(isinstance(each, str) for each in query.order_by):
        _lists[key] = WrittenList(*key)
    return _lists.get(key)


class StrictLimitOffsetPagination(LimitOffsetPagination):
    """
    `limit` 1–100 (default 20), `offset` 0–10,000,000. Anything else is a 400.

    The list's queryset must have a total order: end it with the primary key. Else rows would repeat or vanish between
    pages.

    Where the key alone is the order, a deep `next` also says `after`: the key of the last row. The page behind it is
    read from there, so that it costs the same at any depth, and no row is met twice while others are added. `offset`
    then only tells where the page stands. A list that takes an `ordering` leaves `after` out of its `query_parameters`.
    """

    default_limit = 20
    max_limit = MAX_LIMIT
    most_counted = MOST_COUNTED
    query_parameters: tuple[str, ...] = ("limit", "offset", "after")
    request: Request
    limit: int
    offset: int
    count: int
    using: str  # the connection by which the list is read

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.request = request
        self.limit, self.offset = self.get_limit(request), self.get_offset(request)
        self.using = queryset.db if isinstance(queryset, QuerySet) else DEFAULT_DB_ALIAS
        self.key_order = _key_order(queryset) if "after" in self.query_parameters else None
        self.after = self._key_after(request)
        self.chosen, self.always = chosen_columns(request), getattr(view, "always", {})
        written = _written_list(queryset, self.chosen, self.always)
        self.count, self.count_is_exact = self._counted(queryset) if written is None else self.count_of(written)
        # One more than asked for tells whether there is a next page, where the count does not.
        rows = self._rows(queryset, written, self.limit + 1)
        self.has_more = len(rows) > self.limit
        self.last_key = rows[self.limit - 1].pk if self.has_more else None
        return rows[: self.limit]

    def count_of(self, written: WrittenList) -> Count:
        """Return how many records a list has. Apps that keep such counts know them without counting."""
        return self._up_to_most(written.count(self.most_counted + 1, using=self.using, **(self.chosen or {})))

    def _counted(self, queryset: Any) -> Count:
        return self._up_to_most(queryset.order_by()[: self.most_counted + 1].count())

    def _up_to_most(self, number: int) -> Count:
        return Count(min(number, self.most_counted), number <= self.most_counted)

    def _rows(self, queryset: Any, written: WrittenList | None, limit: int) -> list[Any]:
        if self.after is not None:
            behind = "lt" if self.key_order == "-" else "gt"
            written = _written_list(queryset, self.chosen, self.always, behind)
            if written is not None:
                return written.page(limit, 0, using=self.using, after=self.after, **(self.chosen or {}))
            return list(queryset.filter(**{f"pk__{behind}": self.after})[:limit])
        if self.offset >= DEEP and isinstance(queryset, QuerySet):
            # The rows before the page are passed in an index, and not read.
            keys = queryset.values("pk")[self.offset : self.offset + limit]
            page = queryset.model._default_manager.using(self.using).filter(pk__in=keys)
            page = page.order_by(*queryset.query.order_by)
            names, is_left_out = queryset.query.deferred_loading
            return list(page if is_left_out else page.only(*names))
        if written is not None:
            return written.page(limit, self.offset, using=self.using, **(self.chosen or {}))
        return list(queryset[self.offset : self.offset + limit])

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {
                "count": self.count,
                "count_is_exact": self.count_is_exact,
                "next": self.get_next_link(),
                "previous": self.get_previous_link(),
                "results": data,
            }
        )

    def get_next_link(self) -> str | None:
        if not self.has_more:
            return None
        url = replace_query_param(self.request.build_absolute_uri(), "limit", self.limit)
        url = replace_query_param(url, "offset", self.offset + self.limit)
        is_deep = self.key_order is not None and self.offset + self.limit >= DEEP
        return replace_query_param(url, "after", self.last_key) if is_deep else url

    def get_previous_link(self) -> str | None:
        link: str | None = super().get_previous_link()
        return link and remove_query_param(link, "after")

    def _key_after(self, request: Request) -> int | None:
        raw = request.query_params.get("after")
        if raw is None:
            return None
        if not _KEY.fullmatch(raw):
            raise ValidationError({"after": "Must be the id of a record."}, code="out_of_range")
        return int(raw)

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
            "required": ["count", "count_is_exact", "next", "previous", "results"],
            "properties": {
                "count": {"type": "integer", "description": "How many rows all pages have together."},
                "count_is_exact": {
                    "type": "boolean",
                    "description": f"False: there are more than `count`. Up to {MOST_COUNTED:,} are always counted.",
                },
                "next": link,
                "previous": link,
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters = super().get_schema_operation_parameters(view)
        text = "Begin behind the record of this id, whatever `offset` says. Deep pages say it in `next`."
        schema = {"type": "integer", "minimum": 0, "maximum": MAX_ID}
        bounds = {"limit": (1, MAX_LIMIT, self.default_limit), "offset": (0, MAX_OFFSET, 0)}
        for parameter in parameters:
            minimum, maximum, default = bounds[parameter["name"]]
            parameter["schema"] |= {"minimum": minimum, "maximum": maximum, "default": default}
        if "after" not in self.query_parameters:
            return parameters
        return [*parameters, {"name": "after", "in": "query", "required": False, "description": text, "schema": schema}]


def _key_order(queryset: Any) -> str | None:
    """Return "-" or "" when the key alone orders a list, downwards or upwards. Else None."""
    order = queryset.query.order_by if isinstance(queryset, QuerySet) else ()
    return {"-id": "-", "-pk": "-", "id": "", "pk": ""}.get(str(order[0])) if len(order) == 1 else None
