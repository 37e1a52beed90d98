"""`?limit` and `?offset` are refused when they are out of range, never bent into it."""

from __future__ import annotations

import pytest
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from qhse.api.pagination import MAX_LIMIT, MAX_OFFSET, StrictLimitOffsetPagination


def page_of(query: str) -> tuple[int, int]:
    request = Request(APIRequestFactory().get(f"/suppliers?{query}"))
    paginator = StrictLimitOffsetPagination()
    return paginator.get_limit(request), paginator.get_offset(request)


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ("", (20, 0)),
        ("limit=1&offset=0", (1, 0)),
        (f"limit={MAX_LIMIT}&offset={MAX_OFFSET}", (MAX_LIMIT, MAX_OFFSET)),
    ],
)
def test_the_bounds_themselves_are_accepted(query, page):
    assert page_of(query) == page


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        f"limit={MAX_LIMIT + 1}",
        "limit=-1",
        "limit=1.0",
        "limit=",
        "limit=١",
        "limit=" + "9" * 9,
        "offset=-1",
        f"offset={MAX_OFFSET + 1}",
        "offset=ten",
    ],
)
def test_what_is_out_of_range_is_refused_by_name(query):
    with pytest.raises(ValidationError) as refusal:
        page_of(query)

    assert set(refusal.value.detail) == {query.partition("=")[0]}
