"""What narrows the list of suppliers."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from qhse import clock
from qhse.adminsite.filters import ChoiceFilter
from suppliers.choices import RENEWAL_NOTICE_DAYS, Criticality, RiskLevel, SupplierCategory, SupplierStatus
from suppliers.countries import COUNTRIES
from suppliers.models import Supplier
from suppliers.standards import Standard

ENDING_WITHIN_DAYS = (30, 60, RENEWAL_NOTICE_DAYS)


class AtRiskFilter(ChoiceFilter):
    title = "at risk"
    parameter_name = "at_risk"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Yes"), ("no", "No")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        today = clock.today()
        if self.value() == "yes":
            return queryset.at_risk(today=today)
        if self.value() == "no":
            return queryset.not_at_risk(today=today)
        return queryset


class LevelFilter(ChoiceFilter):
    """Filters by the level that the list shows: that of an override in force, else the computed one."""

    title = "risk level"
    parameter_name = "risk_level"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*RiskLevel.choices, ("not_assessed", "Not assessed")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = self.value()
        if value == "not_assessed":
            return queryset.not_assessed()
        return queryset if value is None else queryset.at_level(RiskLevel(value), today=clock.today())


class CertificationFilter(ChoiceFilter):
    title = "certification"
    parameter_name = "certification"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        ending = [(str(days), f"Ends within {days} days") for days in ENDING_WITHIN_DAYS]
        return [("expired", "Expired"), *ending, ("unknown", "Not known")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        today = clock.today()
        value = self.value()
        if value is None:
            return queryset
        if value == "expired":
            return queryset.expired(today=today)
        if value == "unknown":
            return queryset.filter(certification_expiry__isnull=True)
        return queryset.ending_within(int(value), today=today)


class StatusFilter(ChoiceFilter):
    """Shows those that stand. Who looks for the merged ones chooses them."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*SupplierStatus.choices, ("merged", "Merged into others")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = self.value()
        if value == "merged":
            return queryset.filter(merged_into__isnull=False)
        standing = queryset.standing()
        return standing.filter(status=value) if value else standing


class _ColumnFilter(ChoiceFilter):
    """Compares the column of its name."""

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(**{str(self.parameter_name): self.value()}) if self.value() else queryset


class CriticalityFilter(_ColumnFilter):
    title = "criticality"
    parameter_name = "criticality"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Criticality.choices)


class CategoryFilter(_ColumnFilter):
    is_rare = True
    title = "category"
    parameter_name = "category"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(SupplierCategory.choices)


class CountryFilter(_ColumnFilter):
    """Offers the countries that suppliers are in."""

    is_rare = True
    title = "country"
    parameter_name = "country"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        known = Supplier.objects.standing().exclude(country="").order_by().values_list("country", flat=True).distinct()
        return sorted(((code, COUNTRIES.get(code, code)) for code in known), key=lambda each: each[1])


class StandardFilter(ChoiceFilter):
    """Those that have to be certified by a standard, or are."""

    is_rare = True
    title = "standard"
    parameter_name = "standard"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Standard.choices)

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.of_standard(self.value()) if self.value() else queryset


class RequiredFilter(ChoiceFilter):
    title = "required certificates"
    parameter_name = "required"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("missing", "Missing"), ("unverified", "Not verified")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(**{f"cert_{self.value()}__gt": 0}) if self.value() else queryset


class ReviewFilter(ChoiceFilter):
    title = "review"
    parameter_name = "review"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("due", "Due")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.review_due(today=clock.today()) if self.value() else queryset
