"""What all lists of the admin site share: what an address may ask for, searches, and pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.exceptions import DisallowedModelAdminLookup, DisallowedModelAdminToField
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.paginator import Paginator
from django.db import DataError
from django.db.models import ForeignKey, IntegerField
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.text import capfirst

from qhse.adminsite.marks import number_in
from qhse.adminsite.pagination import FoundPaginator
from qhse.adminsite.replica_lists import ReplicaLists, listed_on
from qhse.searches import found_in
from qhse.searching import words_of

RANGE_LOOKUPS = frozenset({"exact", "in", "isnull", "gt", "gte", "lt", "lte"})
RUBBISH = (
    IncorrectLookupParameters,
    DisallowedModelAdminLookup,
    DisallowedModelAdminToField,
    ValueError,  # psycopg's answer to a NUL
    OverflowError,  # Python's and SQLite's to an absurd number
    DataError,  # PostgreSQL's
)


class ServiceLists(ReplicaLists):
    """
    The address of a list filters by `list_filter` and `url_filters` alone.

    With a free choice of columns a reader could guess, letter by letter, at values that no page shows.
    """

    url_filters: ClassVar[tuple[str, ...]] = ()
    search_columns: ClassVar[tuple[str, ...]] = ()  # searched beside `search_fields`, whatever the case and accents
    search_keys: ClassVar[tuple[str, ...]] = ()  # columns that hold such texts already
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    list_per_page = 50

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        column, _, kind = lookup.partition("__")
        if kind and kind not in RANGE_LOOKUPS:
            return False
        if column in self.url_filters:
            return kind not in ("", "exact") or self.may_be_in(column, value)
        filters = self.list_filter if request is None else self.get_list_filter(request)
        return column in {name for each in filters for name in _parameters(each)}

    def may_be_in(self, column: str, text: str) -> bool:
        """Answer whether a column can hold what an address says. Django reads 1_0 as the number 10."""
        field = self.opts.get_field(column)
        if isinstance(field, ForeignKey):
            field = field.target_field
        return not isinstance(field, IntegerField) or number_in(text) is not None

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        told = {"title": capfirst(str(self.opts.verbose_name_plural)), "export_links": self.export_links(request)}

        def page() -> HttpResponse:
            response = super(ServiceLists, self).changelist_view(request, told | (extra_context or {}))
            self.look_up_for(request, listed_on(response))
            return response

        return self.listed(request, page)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """
        Return the list. For an address that cannot be understood it is the unfiltered one, and says so.

        A POST is refused instead: an action meant for a few records must not meet all of them.
        """
        try:
            return self._understood(request)
        except RUBBISH as error:
            if request.method != "GET":
                raise IncorrectLookupParameters from error
            self.message_user(
                request, "The filter in the address was not understood and has been left out.", messages.WARNING
            )
            request.GET = QueryDict()
            return super().get_changelist_instance(request)

    def _changelist_of(self, request: HttpRequest) -> Any:
        try:
            return self._understood(request)
        except RUBBISH:
            return None

    def _understood(self, request: HttpRequest) -> Any:
        # Django's list ignores a search with a NUL, and its filters one at the end of a moment.
        if any("\0" in text for name, values in request.GET.lists() for text in (name, *values)):
            raise IncorrectLookupParameters
        return super().get_changelist_instance(request)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """
        Find what Django finds, and what is the same in other letters: see `qhse.searches`.

        Find it with the dashes and spaces of a keyboard too, and without quotes around it: see `qhse.searching`.
        """
        found = queryset.none()
        for term in dict.fromkeys((search_term.replace("\0", ""), " ".join(words_of(search_term)))):
            found = found | super().get_search_results(request, queryset, term)[0]
            found = found | queryset.filter(found_in(term, columns=self.search_columns, keys=self.search_keys))
        return found, False

    def get_paginator(self, request: HttpRequest, queryset: Any, *args: Any, **kwargs: Any) -> Paginator[Any]:
        pages = FoundPaginator if request.GET.get(SEARCH_VAR) else Paginator
        return pages(queryset, *args, **kwargs)


def _parameters(list_filter: Any) -> tuple[str, ...]:
    if isinstance(list_filter, Iterable):
        return (list_filter if isinstance(list_filter, str) else next(iter(list_filter)),)
    several = getattr(list_filter, "parameters", None)
    return several() if several else (str(list_filter.parameter_name),)
