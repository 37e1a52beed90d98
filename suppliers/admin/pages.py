"""Suppliers in the admin: every write goes through the services."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from audit.history import HistoryPanel
from qhse import clock
from qhse.adminsite.display import NONE, badge, days
from qhse.adminsite.panels import show_on_front_page
from qhse.searching import MOST_FOUND, unquoted, words_of
from suppliers.admin.filters import AtRiskFilter, CertificationFilter, LevelFilter
from suppliers.admin.forms import SupplierAddForm, SupplierChangeForm
from suppliers.admin.panels import renewals_panel
from suppliers.choices import RENEWAL_NOTICE_DAYS, RiskLevel
from suppliers.models import Supplier, score_on
from suppliers.permissions import SUPPLIER_ROLES

LEVEL_BADGES = {
    RiskLevel.LOW: "good",
    RiskLevel.MEDIUM: "warn",
    RiskLevel.HIGH: "bad",
    RiskLevel.CRITICAL: "bad",
}

NUMBER = re.compile(r"(?:supplier)?[ #:.-]*(?:n[or]\.? ?)?#?0*([0-9]{1,18})", re.ASCII | re.IGNORECASE)


@admin.register(Supplier)
class SupplierAdmin(HistoryPanel):
    roles = SUPPLIER_ROLES
    menu_order = 20
    empty_list = (
        "No supplier has been recorded yet. Here will stand who delivers to us, with certification, open "
        "non-conformities and risk. Procurement records them."
    )
    change_action = "update_certification"
    entity_type = "supplier"
    add_form = SupplierAddForm
    change_form = SupplierChangeForm
    save_label = "Update certification"
    change_done = "has been updated"
    list_display = ("full_name", "at_risk", "level", "certification", "open_ncs", "ncs_in_all")
    list_filter = (AtRiskFilter, LevelFilter, CertificationFilter)
    search_fields = ("name_order",)
    search_help_text = "Part of the name, or the number"
    ordering = ("name_order", "name_key")
    readonly_fields = (
        "at_risk", "level", "reasons", "noted", "certification", "open_ncs", "ncs_in_all", "created",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).annotate(score_now=score_on(clock.today()))

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        number = NUMBER.fullmatch(unquoted(search_term))
        meant = Q(pk__in=Supplier.objects.called(search_term).order_by().values("pk"))
        return queryset.filter(meant | Q(pk=int(number[1])) if number else meant), False

    def ids_called(self, term: str) -> Iterable[str]:
        """Suppliers whose name has the term in it, or of this number."""
        number = NUMBER.fullmatch(unquoted(term))
        if number:
            return [number[1].lstrip("0") or "0"]
        found = Supplier.objects.called(term) if words_of(term) else Supplier.objects.none()
        return [str(pk) for pk in found.values_list("pk", flat=True)[:MOST_FOUND]]

    def get_readonly_fields(self, request: HttpRequest, obj: Supplier | None = None) -> Any:
        return self.readonly_fields if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: Supplier | None = None) -> Any:
        if obj is None:
            return ((None, {"fields": ("name", "certification_expiry")}),)
        shown = (
            (None, {"fields": ("at_risk", "certification", "open_ncs", "ncs_in_all", "created")}),
            ("Risk score", {"fields": ("level", "reasons", "noted")}),
        )
        if self.has_change_permission(request, obj):
            return (*shown, ("Certification", {"fields": ("certification_expiry", "reason"), "classes": ("act",)}))
        return shown

    @admin.display(description="name", ordering="name_order")
    def full_name(self, supplier: Supplier) -> str:
        return supplier.name

    @admin.display(description="at risk")
    def at_risk(self, supplier: Supplier) -> SafeString:
        return badge("At risk", "bad") if supplier.risk.is_at_risk else badge("No", "mute")

    @admin.display(description="risk level", ordering="score_now")
    def level(self, supplier: Supplier) -> SafeString:
        risk = supplier.risk
        return format_html(
            '{} <span class="quiet">{}</span>', badge(risk.level.label, LEVEL_BADGES[risk.level]), risk.score
        )

    @admin.display(description="certified until", ordering="certification_expiry")
    def certification(self, supplier: Supplier) -> SafeString | str:
        expiry = supplier.certification_expiry
        if expiry is None:
            return badge("Not known", "mute")
        left = (expiry - supplier.read_on).days
        if left < 0:
            note = badge(f"expired {days(-left)} ago", "bad")
        elif left <= RENEWAL_NOTICE_DAYS:
            note = badge(f"{days(left)} left", "warn")
        else:
            note = format_html('<span class="quiet">{} left</span>', days(left))
        return format_html('<span class="nowrap">{} {}</span>', expiry, note)

    @admin.display(description="open NCs", ordering="nc_open")
    def open_ncs(self, supplier: Supplier) -> SafeString | str:
        if not supplier.nc_open:
            return NONE
        high = badge(f"{supplier.nc_open_high} high", "bad") if supplier.nc_open_high else ""
        return format_html("{} {}", supplier.nc_open, high)

    @admin.display(description="NCs in all", ordering="nc_total")
    def ncs_in_all(self, supplier: Supplier) -> int:
        return supplier.nc_total

    @admin.display(description="recorded")
    def created(self, supplier: Supplier) -> str:
        return f"{supplier.created_at:%Y-%m-%d %H:%M} UTC"

    @admin.display(description="in the history")
    def noted(self, supplier: Supplier) -> str:
        """Say whether the worker has told this level to the trail. What it told before is the history's affair."""
        if supplier.risk_assessed_at is None or supplier.risk.level != supplier.risk_level:
            return "Not yet: a new level is noted there moments after the change that caused it."
        return f"Noted; last looked at on {supplier.risk_assessed_at:%Y-%m-%d %H:%M} UTC."

    @admin.display(description="points")
    def reasons(self, supplier: Supplier) -> SafeString | str:
        risk = supplier.risk
        if not risk.reasons:
            return "No points: nothing speaks against this supplier."
        rows = format_html_join("", "<tr><td>{}</td><td>{}</td></tr>", ((r.detail, r.points) for r in risk.reasons))
        return format_html(
            '<table class="sum"><tbody>{}</tbody><tfoot><tr><th>Score, of 100</th><td>{}</td></tr></tfoot></table>',
            rows, risk.score,
        )  # fmt: skip


show_on_front_page(renewals_panel, order=20)
