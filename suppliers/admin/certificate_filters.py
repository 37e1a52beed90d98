"""What narrows the list of certificates."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.http import HttpRequest

from qhse import clock
from qhse.adminsite.filters import ChoiceFilter
from suppliers.admin.filters import ENDING_WITHIN_DAYS
from suppliers.choices import CertificateStatus
from suppliers.models import Supplier
from suppliers.standards import Standard


class StatusFilter(ChoiceFilter):
    """Shows those that speak for their supplier, unless asked otherwise. A search looks everywhere."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.default = "all" if request.GET.get(SEARCH_VAR) else "current"
        known = [(str(value), str(label)) for value, label in CertificateStatus.choices]
        return [("current", "Submitted or verified"), *known, ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        for value, label in self.lookup_choices:
            yield {
                "selected": value == (self.value() or self.default),
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": label,
            }

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        status = self.value() or self.default
        if status == "all":
            return queryset
        return queryset.current() if status == "current" else queryset.filter(status=status)


class EndFilter(ChoiceFilter):
    title = "end of validity"
    parameter_name = "ending"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("expired", "Expired"), *((str(days), f"Ends within {days} days") for days in ENDING_WITHIN_DAYS)]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value, today = self.value(), clock.today()
        if value is None:
            return queryset
        return queryset.expired(today=today) if value == "expired" else queryset.ending_within(int(value), today=today)


class StandardFilter(ChoiceFilter):
    title = "standard"
    parameter_name = "standard"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in Standard.choices]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(standard=self.value()) if self.value() else queryset


class EditionFilter(ChoiceFilter):
    title = "edition"
    parameter_name = "edition"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("superseded", "On a superseded edition")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.on_superseded_edition() if self.value() else queryset


class MissingFilter(ChoiceFilter):
    title = "its supplier"
    parameter_name = "missing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Lacks a required standard")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.of_suppliers_that_miss_one() if self.value() else queryset


class OfSupplierFilter(admin.SimpleListFilter):
    """Names the supplier in the address. The suppliers' own pages choose one."""

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

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(supplier=self.value()) if self.value() else queryset
