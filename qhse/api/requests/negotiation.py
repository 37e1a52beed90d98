"""Which representation the API answers with."""

from __future__ import annotations

from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request


class AlwaysJSON(BaseContentNegotiation):
    """
    Answers JSON whatever `Accept` says.

    There is one representation. Refusing a client over a header that it sends by habit would help nobody.
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
