"""Filters of the NC list."""

from __future__ import annotations

from typing import ClassVar

import django_filters as filters

from ncs.choices import NcStatus
from ncs.models import NonConformity
from qhse.api.filters import IdFilter, OneOfFilter
from suppliers.choices import Severity


class NonConformityFilter(filters.FilterSet):
    status = OneOfFilter(choices=NcStatus.choices)
    severity = OneOfFilter(choices=Severity.choices)
    supplier_id = IdFilter(field_name="supplier_id")

    class Meta:
        model = NonConformity
        fields: ClassVar[list[str]] = []
