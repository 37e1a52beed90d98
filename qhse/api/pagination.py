"""Pages: `?limit` and `?offset`. Out of range they are refused, not bent into it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db import DEFAULT_DB_ALIAS
from django.db.models import QuerySet
from django.db.models.expressions import BaseExpression
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response

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


class Kept(NamedTuple):
    """
    What tells how many records a list has, without counting all of them.

    The value of `number` comes with the page, in one statement. It may use values that are `given`. `meaning` makes of
    it how many there are.
    """

    number: BaseExpression
    meaning: Callable[[int], Count]
    given: Mapping[str, Any] = {}


_lists: dict[tuple[Any, ...], WrittenList] = {}


def _written_list(
    queryset: Any,
    chosen: Mapping[str, Any] | None,
    always: Mapping[str, Any],
    at_most: int,
    number: BaseExpression | None,
    behind: str,
) -> WrittenList | None:
    """
    Return what reads a list that is filtered by nothing but values of columns. That is nearly every one.

    `chosen` is what the filters have chosen, None if there are others as well. The others are as in WrittenList.
    """
    query = getattr(queryset, "query", None)
    if query is None or chosen is None:
        return None
    if query.annotations or query.select_related or query.distinct or query.is_sliced or not query.order_by:
        return None
    names, is_left_out = query.deferred_loading
    if names and is_left_out:
        return None
    columns = tuple(sorted(chosen))
    key = (queryset.model, query.order_by, columns, behind, frozenset(names), tuple(always.items()), at_most, number)
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
        rows, count = self._page(queryset, chosen_columns(request), getattr(view, "always", {}))
        self.count, self.count_is_exact = count
        # One more than asked for tells whether there is a next page, where the count does not.
        self.has_more = len(rows) > self.limit
        self.last_key = rows[self.limit - 1].pk if self.has_more else None
        page: list[Any] = rows[: self.limit]
        return page

    def kept(self, chosen: Mapping[str, Any]) -> Kept | None:
        """Return what knows how many records have these values. Apps that keep such counts say so here."""
        return None

    def _page(self, queryset: Any, chosen: Mapping[str, Any] | None, always: Mapping[str, Any]) -> tuple[Any, Count]:
        """Return the rows of the page and one more, and how many the list has."""
        kept = None if chosen is None else self.kept(chosen)
        list_of = partial(_written_list, queryset, chosen, always, self.most_counted + 1, kept and kept.number)
        whole, shown = list_of(""), list_of(self._behind)
        if whole is None or shown is None:
            number = queryset.order_by()[: self.most_counted + 1].count()
            return list(self._unwritten(queryset)), self._up_to_most(number)
        given = {"using": self.using, **(chosen or {}), **(kept.given if kept else {})}
        if self.after is None and self.offset >= DEEP:
            rows = list(self._unwritten(queryset))
        else:
            offset = self.offset if self.after is None else 0
            rows = shown.page(self.limit + 1, offset, after=self.after, **given)
        # Each row says how many there are. Where there is none that does, the first of the list is asked.
        first = rows[0] if rows else None
        if not hasattr(first, "listed") and (self.offset or self.after is not None):
            first = whole.first(**given)
        listed = int(first.listed or 0) if first else 0
        return rows, kept.meaning(listed) if kept else self._up_to_most(listed)

    @property
    def _behind(self) -> str:
        """How the keys of the page compare to the one that it begins behind, if it does."""
        return "" if self.after is None else "lt" if self.key_order == "-" else "gt"

    def _up_to_most(self, number: int) -> Count:
        return Count(min(number, self.most_counted), number <= self.most_counted)

    def _unwritten(self, queryset: Any) -> Any:
        if self._behind:
            return queryset.filter(**{f"pk__{self._behind}": self.after})[: self.limit + 1]
        place = slice(self.offset, self.offset + self.limit + 1)
        if self.offset < DEEP or not isinstance(queryset, QuerySet):
            return queryset[place]
        # The rows before the page are passed in an index, and not read.
        page = queryset.model._default_manager.using(self.using).filter(pk__in=queryset.values("pk")[place])
        page = page.order_by(*queryset.query.order_by)
        names, is_left_out = queryset.query.deferred_loading
        return page if is_left_out else page.only(*names)

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
        offset = self.offset + self.limit
        by_key = self.after is not None or (self.key_order is not None and offset >= DEEP)
        return self._link(offset, after=self.last_key if by_key else None)

    def get_previous_link(self) -> str | None:
        return self._link(self.offset - self.limit) if self.offset > 0 else None

    def _link(self, offset: int, after: Any = None) -> str:
        """
        Return the address of another page, its parameters sorted, as DRF's are. No parameter is given twice.

        DRF takes the address apart and puts it together for each that it changes, which cost a twentieth of a page.
        """
        known = {name: value for name, value in self.request.query_params.items() if name not in {"offset", "after"}}
        place = {"offset": max(offset, 0) or None, "after": after}
        query = {**known, "limit": self.limit, **{name: value for name, value in place.items() if value is not None}}
        return f"{self.request.build_absolute_uri(self.request.path)}?{urlencode(sorted(query.items()))}"

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
