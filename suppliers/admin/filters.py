"""What narrows the list of suppliers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from qhse.adminsite.filters import ChoiceFilter


class AtRiskFilter(ChoiceFilter):
    title = "at risk"
    parameter_name = "at_risk"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Yes"), ("no", "No")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        today = timezone.now().date()
        if self.value() == "yes":
            return queryset.at_risk(today=today)  # type: ignore[attr-defined, no-any-return]
        if self.value() == "no":
            return queryset.not_at_risk(today=today)  # type: ignore[attr-defined, no-any-return]
        return None


class CertificationFilter(ChoiceFilter):
    title = "certification"
    parameter_name = "certification"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        ending = [(str(limit), f"Ends within {limit} days") for limit in (30, 60, 90)]
        return [("expired", "Expired"), *ending, ("unknown", "Not known")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        today = timezone.now().date()
        value = self.value()
        if value is None:
            return None
        if value == "expired":
            return queryset.filter(certification_expiry__lt=today)
        if value == "unknown":
            return queryset.filter(certification_expiry__isnull=True)
        return queryset.filter(certification_expiry__range=(today, today + timedelta(days=int(value))))
