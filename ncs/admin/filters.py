"""What narrows the list of non-conformities."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import QuerySet
from django.http import HttpRequest

from ncs.choices import ActionStatus, Category, NcStatus, Phase, System
from ncs.services.people import OWNERS, owned_by_nobody
from qhse import clock
from qhse.accounts.models import User
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


class PhaseFilter(ChoiceFilter):
    """How far open ones have come."""

    title = "phase"
    parameter_name = "phase"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in Phase.choices]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.in_phase(self.value()) if self.value() else queryset


class OverdueFilter(ChoiceFilter):
    title = "due"
    parameter_name = "overdue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Overdue")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.overdue(today=clock.today()) if self.value() else queryset


class OwnerFilter(ChoiceFilter):
    """Mine, nobody's, or those of one of the people who work on cases."""

    title = "owner"
    parameter_name = "owner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        people = User.objects.filter(is_active=True, role__in=OWNERS).order_by("name_order", "username_key")
        listed = [(str(pk), name) for pk, name in people.values_list("pk", "username") if pk != request.user.pk]
        mine = [("me", "Mine")] if getattr(request.user, "role", "") in OWNERS else []
        return [*mine, ("none", "Nobody"), *listed]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return queryset
        if value == "none":
            return queryset.filter(owned_by_nobody())
        return queryset.filter(owner=request.user.pk if value == "me" else value)


class CategoryFilter(ChoiceFilter):
    is_rare = True
    title = "category"
    parameter_name = "category"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in Category.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(category=self.value()) if self.value() else queryset


class RepeatFilter(ChoiceFilter):
    is_rare = True
    title = "repeats"
    parameter_name = "repeat"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Repeats an earlier one")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(repeat_of__isnull=False) if self.value() else queryset


class SystemFilter(ChoiceFilter):
    """By the management system: quality, environment, safety."""

    is_rare = True
    title = "management system"
    parameter_name = "system"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in System.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(system=self.value()) if self.value() else queryset


class PartFilter(admin.SimpleListFilter):
    """Names a part in the address. Pages of cases lead here."""

    title = "part"
    parameter_name = "part"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        value = self.value()
        return [] if value is None else [(value, value)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(part_no=self.value()) if self.value() else queryset


class RunningFilter(ChoiceFilter):
    """Shows actions that are not settled, unless asked otherwise. A search looks everywhere."""

    title = "status"
    parameter_name = "status"
    unsettled = (ActionStatus.OPEN, ActionStatus.IN_PROGRESS, ActionStatus.DONE)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.default = "all" if request.GET.get(SEARCH_VAR) else "unsettled"
        known = [(str(value), str(label)) for value, label in ActionStatus.choices]
        return [("unsettled", "Not settled"), *known, ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        for value, label in self.lookup_choices:
            yield {
                "selected": value == (self.value() or self.default),
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": label,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        status = self.value() or self.default
        if status == "all":
            return queryset
        if status == "unsettled":  # those of a case that was a mistake wait for nobody
            return queryset.filter(status__in=self.unsettled, nc__status=NcStatus.OPEN)
        return queryset.filter(status=status)
