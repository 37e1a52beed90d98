"""Filters of the supplier list."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters as filters

from qhse import clock
from qhse.api.filters import OneOfFilter, TextFilter, TotalOrderingFilter, TrueFalseFilter
from suppliers.choices import Criticality, RiskLevel, SupplierCategory, SupplierStatus
from suppliers.countries import COUNTRIES
from suppliers.models import Supplier, SupplierQuerySet
from suppliers.searching import meant_by
from suppliers.standards import Standard

ENDING_WITHIN_DAYS = (30, 60, 90)
NOT_ASSESSED = "not_assessed"  # as the figures call it


class AtRiskParameter(TrueFalseFilter):
    def filter(self, qs: Any, value: str) -> Any:
        today = clock.today()
        if value == "true":
            return qs.at_risk(today=today)
        if value == "false":
            return qs.not_at_risk(today=today)
        return qs


class LevelParameter(OneOfFilter):
    def filter(self, qs: Any, value: str) -> Any:
        if value == NOT_ASSESSED:
            return qs.not_assessed()
        return qs.at_level(RiskLevel(value), today=clock.today()) if value else qs


class StandardParameter(OneOfFilter):
    def filter(self, qs: Any, value: str) -> Any:
        return qs.of_standard(value) if value else qs


class EndingWithinParameter(OneOfFilter):
    def filter(self, qs: Any, value: str) -> Any:
        return qs.ending_within(int(value), today=clock.today()) if value else qs


class CountedParameter(TrueFalseFilter):
    """Whether a column counts anything."""

    def filter(self, qs: Any, value: str) -> Any:
        if value not in ("true", "false"):
            return qs
        return qs.filter(**{f"{self.field_name}__gt": 0} if value == "true" else {str(self.field_name): 0})


class ReviewDueParameter(TrueFalseFilter):
    def filter(self, qs: Any, value: str) -> Any:
        if value not in ("true", "false"):
            return qs
        due = qs.review_due(today=clock.today())
        return due if value == "true" else qs.exclude(pk__in=due.order_by().values("pk"))


class SupplierFilter(filters.FilterSet):
    status = OneOfFilter(choices=SupplierStatus.choices)
    level = LevelParameter(
        choices=[*RiskLevel.choices, (NOT_ASSESSED, "Not assessed")],
        label="The risk level that is shown; `not_assessed`: those that the worker has never assessed have none",
    )
    criticality = OneOfFilter(choices=Criticality.choices)
    category = OneOfFilter(choices=SupplierCategory.choices)
    country = OneOfFilter(choices=tuple(COUNTRIES.items()), label="A code of ISO 3166-1 with two letters")
    standard = StandardParameter(
        choices=Standard.choices, label="Those that have to be certified by it, or have a certificate of it"
    )
    ending_within = EndingWithinParameter(
        choices=[(str(days), f"{days} days") for days in ENDING_WITHIN_DAYS],
        label="So many days, in which the declared certification or that of a required standard ends",
    )
    missing = CountedParameter(
        field_name="cert_missing", label="Whether a required standard has no certificate that counts"
    )
    unverified = CountedParameter(
        field_name="cert_unverified",
        label="Whether the latest certificate of a required standard that counts is not verified",
    )
    review_due = ReviewDueParameter(label="Whether the day of the next review has come")
    search = TextFilter(
        method="filter_search",
        min_length=0,
        max_length=200,
        label="The number, such as SUP-00017 or 17, a part of the external reference, or words of the name, "
        "regardless of case, accents and Unicode form",
    )
    at_risk = AtRiskParameter(label="Whether an expired certification or an open high NC makes it one at risk, now")
    ordering = TotalOrderingFilter(
        fields={
            "id": "id",
            "name_order": "name",
            "certification_expiry": "certification_expiry",
            "created_at": "created_at",
            "nc_open": "nc_open",
            "risk_score": "risk_score",
        }
    )

    class Meta:
        model = Supplier
        fields: ClassVar[list[str]] = []

    def filter_search(self, queryset: SupplierQuerySet, name: str, value: str) -> SupplierQuerySet:
        return queryset.filter(meant_by(value))
