"""Filters of the NC list."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters as filters

from ncs.choices import NcStatus
from ncs.models import NonConformity
from ncs.selectors import meant_by
from qhse.api.filters import IdFilter, OneOfFilter, TextFilter
from suppliers.choices import Severity


class NonConformityFilter(filters.FilterSet):
    status = OneOfFilter(choices=NcStatus.choices)
    severity = OneOfFilter(choices=Severity.choices)
    supplier_id = IdFilter(field_name="supplier_id")
    search = TextFilter(
        method="filter_search",
        min_length=0,
        max_length=200,
        label="The number, or words of the description or of the supplier's name, regardless of case, accents and "
        "Unicode form",
    )

    class Meta:
        model = NonConformity
        fields: ClassVar[list[str]] = []

    def filter_search(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.filter(meant_by(value))
