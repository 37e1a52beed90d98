"""Which representation the API answers with."""

from __future__ import annotations

import re
from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request

from qhse.exporting.exports import CSV_TYPE, XLSX_TYPE, Form

_QUALITY = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?", re.ASCII)


class AlwaysJSON(BaseContentNegotiation):
    """
    Answers JSON whatever `Accept` says.

    There is one representation, but of lists: see `export_form`. Refusing a client over a header that it sends by habit
    would help nobody.
    """

    def select_parser(self, request: Request, parsers: Any) -> Any:
        if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            return None
        media_type = request.content_type.partition(";")[0].strip().lower()
        for parser in parsers:
            if media_type == parser.media_type:
                return parser
        return None

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return (renderers[0], renderers[0].media_type)


EXPORTS = {CSV_TYPE: Form.CSV, XLSX_TYPE: Form.XLSX}
JSON_TYPE = "application/json"


def export_form(accept: str) -> Form | None:
    """
    Return the form of a file that an Accept header asks for, None for JSON.

    It must be named, and not less liked than JSON: `*/*` and `text/*` are what clients send by habit.
    """
    if "text/csv" not in accept.lower() and "spreadsheetml" not in accept.lower():
        return None
    named = {name: quality for name, quality in _liked(accept).items() if name in EXPORTS and quality > 0}
    if not named:
        return None
    best = max(named, key=lambda name: named[name])
    json = _liked(accept).get(JSON_TYPE, 0.0)
    return EXPORTS[best] if named[best] > json else None


def _liked(accept: str) -> dict[str, float]:
    """Return the media ranges of an Accept header with how much each is liked, 0 to 1 (RFC 9110, 12.5.1)."""
    liked = {}
    for given in accept.split(","):
        media_range, *parameters = (part.strip().lower() for part in given.split(";"))
        quality = next((each[2:].strip() for each in parameters if each.startswith("q=")), "1")
        liked[media_range] = float(quality) if _QUALITY.fullmatch(quality) else 0.0
    return liked
