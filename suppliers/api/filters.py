"""Filters of the supplier list."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters as filters

from qhse import clock
from qhse.api.filters import TextFilter, TotalOrderingFilter, TrueFalseFilter
from suppliers.models import Supplier, SupplierQuerySet


class AtRiskParameter(TrueFalseFilter):
    def filter(self, qs: Any, value: str) -> Any:
        today = clock.today()
        if value == "true":
            return qs.at_risk(today=today)
        if value == "false":
            return qs.not_at_risk(today=today)
        return qs


class SupplierFilter(filters.FilterSet):
    search = TextFilter(
        method="filter_search",
        min_length=0,
        max_length=200,
        label="Words of the name, regardless of case, accents and Unicode form",
    )
    at_risk = AtRiskParameter(label="Whether an expired certification or an open high NC makes it one at risk, now")
    ordering = TotalOrderingFilter(
        fields={
            "id": "id",
            "name_order": "name",
            "certification_expiry": "certification_expiry",
            "created_at": "created_at",
            "nc_open": "nc_open",
        }
    )

    class Meta:
        model = Supplier
        fields: ClassVar[list[str]] = []

    def filter_search(self, queryset: SupplierQuerySet, name: str, value: str) -> SupplierQuerySet:
        return queryset.called(value)
