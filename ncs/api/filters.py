"""Filters of the lists of cases and of actions."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters as filters

from ncs.choices import ActionKind, ActionStatus, Category, NcStatus, Phase, System
from ncs.models import CorrectiveAction, NonConformity
from ncs.models.nonconformity import MAX_REFERENCE
from ncs.selectors import meant_by
from qhse import clock
from qhse.api.filters import DayFilter, IdFilter, OneOfFilter, TextFilter, TrueFalseFilter
from qhse.text import LineRefused, one_line
from suppliers.choices import Severity


class OverdueFilter(TrueFalseFilter):
    """What is open and past its day, or all the rest."""

    def filter(self, qs: Any, value: str) -> Any:
        if value not in ("true", "false"):
            return qs
        late = type(qs.model._default_manager.all()).overdue(qs, today=clock.today())
        return late if value == "true" else qs.exclude(pk__in=late.order_by().values("pk"))


class PhaseFilter(OneOfFilter):
    def filter(self, qs: Any, value: str) -> Any:
        return qs.in_phase(value) if value else qs


class PartFilter(TextFilter):
    """Takes a part number in any Unicode form and with any spaces, as it is stored."""

    def filter(self, qs: Any, value: str) -> Any:
        try:
            return qs.filter(part_no=one_line(value)) if value else qs
        except LineRefused:
            return qs.none()


class NonConformityFilter(filters.FilterSet):
    status = OneOfFilter(choices=NcStatus.choices)
    severity = OneOfFilter(choices=Severity.choices)
    supplier_id = IdFilter(field_name="supplier_id")
    owner_id = IdFilter(field_name="owner_id")
    phase = PhaseFilter(choices=Phase.choices, label="Open ones that have come this far")
    overdue = OverdueFilter(label="Open ones that were due before today, in UTC")
    category = OneOfFilter(choices=Category.choices)
    system = OneOfFilter(choices=System.choices)
    part_no = PartFilter(max_length=MAX_REFERENCE)
    detected_since = DayFilter(field_name="detected_on", lookup_expr="gte", label="Detected on this day or later")
    detected_until = DayFilter(field_name="detected_on", lookup_expr="lte", label="Detected on this day or earlier")
    due_until = DayFilter(field_name="due_on", lookup_expr="lte", label="Due on this day or earlier")
    repeat = TrueFalseFilter(
        field_name="repeat_of", lookup_expr="isnull", exclude=True, label="Those that repeat an earlier one"
    )
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


class ActionFilter(filters.FilterSet):
    nc_id = IdFilter(field_name="nc_id")
    supplier_id = IdFilter(field_name="nc__supplier_id")
    owner_id = IdFilter(field_name="owner_id")
    status = OneOfFilter(choices=ActionStatus.choices)
    kind = OneOfFilter(choices=ActionKind.choices)
    overdue = OverdueFilter(label="Those that run and were due before today, in UTC")

    class Meta:
        model = CorrectiveAction
        fields: ClassVar[list[str]] = []
