"""Lists of the admin that may be read on the replica."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from qhse.adminsite.exports import ExportedLists
from qhse.replica.reading import read
from qhse.replica.router import PRIMARY

Page = Callable[[], HttpResponse]


class ReplicaLists(ExportedLists):
    """
    Reads the rows of a list where `qhse.replica` says, if the page says `may_read_replica`. Actions meet the primary.

    Only the list: a record is opened to be changed, and its form must know its present version.
    """

    def listed(self, request: HttpRequest, page: Page) -> HttpResponse:
        """Return what `page` returns. It is called again if the replica fails."""

        def page_by(using: str) -> HttpResponse:
            vars(request)["reads_by"] = using
            try:
                response = page()
                # Their rows are read. What columns look up yet is read as the page is written, which is later.
                for record in listed_on(response):
                    record._state.db = PRIMARY
            finally:
                vars(request)["reads_by"] = PRIMARY
            return response

        if request.method != "GET" or not self.may_read_replica:
            return page()
        return read(page_by, user=request.user)

    def get_queryset(self, request: HttpRequest) -> Any:
        records, using = super().get_queryset(request), vars(request).get("reads_by", PRIMARY)
        return records if using == PRIMARY else records.using(using)


def listed_on(page: HttpResponse) -> Sequence[Any]:
    """Return the records of a list's page. Of a redirection there are none."""
    context = page.context_data if isinstance(page, TemplateResponse) else None
    records: Sequence[Any] = context["cl"].result_list if context and "cl" in context else ()
    return records
