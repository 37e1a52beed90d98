"""Filters of the list of imports."""

from __future__ import annotations

from typing import ClassVar

import django_filters as filters

from qhse.api.filters import OneOfFilter, TextFilter
from qhse.exchange.models import ImportJob, ImportStatus


class ImportFilter(filters.FilterSet):
    kind = TextFilter(max_length=32)
    status = OneOfFilter(choices=ImportStatus.choices)

    class Meta:
        model = ImportJob
        fields: ClassVar[list[str]] = []
