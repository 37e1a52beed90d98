"""Suppliers in the admin: every write goes through the services."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from audit.history import HistoryPanel
from qhse.adminsite.base import badge
from qhse.adminsite.forms import ServiceForm
from suppliers.choices import RiskLevel
from suppliers.models import Supplier
from suppliers.permissions import SUPPLIER_ROLES
from suppliers.risk import assess, is_at_risk, is_expired
from suppliers.services import create_supplier, update_certification

LEVEL_BADGES = {
    RiskLevel.LOW: "good",
    RiskLevel.MEDIUM: "warn",
    RiskLevel.HIGH: "bad",
    RiskLevel.CRITICAL: "bad",
}


class SupplierAddForm(ServiceForm):
    class Meta:
        model = Supplier
        fields = ("name", "certification_expiry")

    def write(self) -> Supplier:
        return create_supplier(**self.cleaned_data, actor=self.actor)


class SupplierChangeForm(ServiceForm):
    reason = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Kept in the audit trail.",
    )

    class Meta:
        model = Supplier
        fields = ("certification_expiry",)

    def write(self) -> Supplier:
        return update_certification(supplier_id=self.instance.pk, **self.cleaned_data, actor=self.actor)


class AtRiskFilter(admin.SimpleListFilter):
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


@admin.register(Supplier)
class SupplierAdmin(HistoryPanel):
    roles = SUPPLIER_ROLES
    change_action = "update_certification"
    entity_type = "supplier"
    add_form = SupplierAddForm
    change_form = SupplierChangeForm
    list_display = ("name", "at_risk", "level", "certification", "nc_open", "nc_open_high", "nc_total")
    list_filter = (AtRiskFilter, "risk_level", ("certification_expiry", admin.DateFieldListFilter))
    search_fields = ("name", "name_key")
    search_help_text = "Part of the name"
    ordering = ("name_key",)
    readonly_fields = (
        "name", "at_risk", "level", "risk_score", "reasons", "risk_assessed_at",
        "nc_open", "nc_open_high", "nc_total", "created_at",
    )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Supplier | None = None) -> Any:
        return self.readonly_fields if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: Supplier | None = None) -> Any:
        if obj is None:
            return ((None, {"fields": ("name", "certification_expiry")}),)
        writable = ("certification_expiry", "reason")
        certification = writable if self.has_change_permission(request, obj) else ("certification_expiry",)
        return (
            (None, {"fields": ("name", *certification, "created_at")}),
            ("Risk", {"fields": ("at_risk", "level", "risk_score", "reasons", "risk_assessed_at")}),
            ("Non-conformities", {"fields": (("nc_open", "nc_open_high", "nc_total"),)}),
        )

    @admin.display(description="at risk")
    def at_risk(self, supplier: Supplier) -> SafeString:
        at_risk = is_at_risk(supplier.figures, today=timezone.now().date())
        return badge("at risk", "bad") if at_risk else badge("no", "mute")

    @admin.display(description="risk level", ordering="risk_score")
    def level(self, supplier: Supplier) -> SafeString:
        return badge(supplier.get_risk_level_display(), LEVEL_BADGES[RiskLevel(supplier.risk_level)])

    @admin.display(description="certified until", ordering="certification_expiry")
    def certification(self, supplier: Supplier) -> SafeString | str:
        expiry = supplier.certification_expiry
        if expiry is None:
            return badge("unknown", "mute")
        today = timezone.now().date()
        if is_expired(expiry, today=today):
            return badge(f"{expiry} expired", "bad")
        days = (expiry - today).days
        return badge(f"{expiry} in {days} days", "warn") if days <= 90 else str(expiry)

    @admin.display(description="reasons now")
    def reasons(self, supplier: Supplier) -> SafeString | str:
        lines = assess(supplier.figures, today=timezone.now().date()).reasons
        return format_html_join("", "<div>{} ({} points)</div>", ((line.detail, line.points) for line in lines)) or "–"
