"""What narrows the list of non-conformities."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import QuerySet
from django.http import HttpRequest

from ncs.choices import NcStatus
from qhse.adminsite.filters import ChoiceFilter
from suppliers.models import Supplier


class StatusFilter(ChoiceFilter):
    """Shows what is open, unless asked otherwise. A search looks everywhere."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.default = "all" if request.GET.get(SEARCH_VAR) else NcStatus.OPEN.value
        return [*NcStatus.choices, ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        for value, label in self.lookup_choices:
            yield {
                "selected": value == (self.value() or self.default),
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": label,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        status = self.value() or self.default
        return queryset if status == "all" else queryset.filter(status=status)


class OneSupplierFilter(admin.SimpleListFilter):
    """Names the supplier in the address. The search and the suppliers' own pages choose one."""

    title = "supplier"
    parameter_name = "supplier"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        value = self.value()
        if value is None:
            return []
        supplier = admin.site.get_model_admin(Supplier).get_object(request, value)
        if supplier is None:
            raise IncorrectLookupParameters
        return [(value, supplier.name)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(supplier=self.value()) if self.value() else queryset
