"""What narrows the list of suppliers."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from qhse import clock
from qhse.adminsite.filters import ChoiceFilter
from suppliers.choices import RENEWAL_NOTICE_DAYS, RiskLevel

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
    """Filters by the level that the list shows: the one of today, and not the one that was concluded last."""

    title = "risk level"
    parameter_name = "risk_level"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(RiskLevel.choices)

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = self.value()
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
        return queryset.expiring(today=today, days=int(value))
