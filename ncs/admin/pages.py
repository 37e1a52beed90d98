"""Non-conformities in the admin: every write goes through the services."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from audit.history import HistoryPanel
from ncs.admin.filters import OneSupplierFilter, StatusFilter
from ncs.admin.forms import NonConformityAddForm, NonConformityCloseForm
from ncs.admin.panels import my_work_panel, open_ncs_panel
from ncs.choices import NcStatus
from ncs.models import BY_WEIGHT, NonConformity
from ncs.numbers import numbers_in
from ncs.permissions import NC_ROLES
from ncs.selectors import meant_by
from ncs.services import close_nonconformity
from qhse import clock
from qhse.accounts.models import User
from qhse.adminsite.bulk import BulkActionsAdmin
from qhse.adminsite.display import NONE, badge, days, link, moment, prose
from qhse.adminsite.filters import PeriodFilter
from qhse.adminsite.panels import show_on_front_page, show_on_records
from qhse.searching import MOST_FOUND, words_of
from suppliers.choices import Severity
from suppliers.models import Supplier

SEVERITY_BADGES = {Severity.LOW: "mute", Severity.MEDIUM: "warn", Severity.HIGH: "bad"}


@admin.register(NonConformity)
class NonConformityAdmin(BulkActionsAdmin, HistoryPanel):
    roles = NC_ROLES
    menu_order = 10
    empty_list = (
        "No non-conformity is open. Here stands what a delivery did not fulfil, until it is closed; under "
        "status, All shows the closed ones too. Quality records them."
    )
    change_action = "close"
    entity_type = "nonconformity"
    add_form = NonConformityAddForm
    change_form = NonConformityCloseForm
    save_label = "Close non-conformity"
    change_done = "has been closed"
    list_display = ("nc_number", "severity_badge", "status_badge", "supplier_name", "age", "summary", "created")
    list_display_links = ("nc_number",)
    list_filter = (StatusFilter, OneSupplierFilter, "severity", ("created_at", PeriodFilter))
    list_select_related = ("supplier",)
    search_fields = ("supplier__name_order", "description")
    search_help_text = "Number (NC-2026-00042, 42), supplier or description"
    autocomplete_fields = ("supplier",)
    ordering = ("-id",)
    actions = ("close_selected",)
    _shown = ("supplier_link", "severity_badge", "status_badge", "age", "full_description", "reported")
    _closed = ("closed", "closing_reason")

    # --- The page ---------------------------------------------------------------------------------------------------

    def get_readonly_fields(self, request: HttpRequest, obj: NonConformity | None = None) -> Any:
        return (*self._shown, *self._closed) if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: NonConformity | None = None) -> Any:
        if obj is None:
            return ((None, {"fields": ("supplier", "severity", "description")}),)
        if obj.status == NcStatus.CLOSED:
            return ((None, {"fields": (*self._shown, *self._closed)}),)
        shown = ((None, {"fields": self._shown}),)
        if self.has_change_permission(request, obj):
            return (*shown, ("Close it", {"fields": ("reason",), "classes": ("act",)}))
        return shown

    def finished(self, record: NonConformity) -> str:
        return "has been closed already" if record.status == NcStatus.CLOSED else ""

    def has_close_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "close")

    # --- The list ---------------------------------------------------------------------------------------------------

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Find numbers as people write them, a supplier in any case, or a text."""
        return queryset.filter(meant_by(search_term)), False

    def told_as(self, record: NonConformity) -> str:
        return f"{record.number} ({record.supplier.name}, {record.get_severity_display().lower()})"

    def ids_called(self, term: str) -> Iterable[str]:
        """The NCs of these numbers. Without a number, those of the suppliers whose name has the term in it."""
        ids, _ = numbers_in(term)
        suppliers = Supplier.objects.called(term) if words_of(term) else Supplier.objects.none()
        meant = Q(pk__in=ids) if ids else Q(supplier__in=suppliers)
        return [str(pk) for pk in NonConformity.objects.filter(meant).values_list("pk", flat=True)[:MOST_FOUND]]

    def describe(self, record: NonConformity) -> str:
        return f"{record.number} · {record.supplier.name} · {Truncator(record.description).chars(80)}"

    @admin.action(description="Close selected non-conformities", permissions=["close"])
    def close_selected(self, request: HttpRequest, queryset: QuerySet[NonConformity]) -> HttpResponse | None:
        actor = request.user
        if not isinstance(actor, User):
            return None
        return self.ask_reason(
            request,
            queryset,
            applies_to=Q(status=NcStatus.OPEN),
            action="close_selected",
            title="Close non-conformities",
            nothing="None of the selected non-conformities is open.",
            perform=lambda nc, reason, seen: close_nonconformity(
                nc_id=nc.pk, actor=actor, reason=reason, expected_versions=seen
            ),
        )

    # --- Columns and fields -----------------------------------------------------------------------------------------

    @admin.display(description="number", ordering="id")
    def nc_number(self, nc: NonConformity) -> str:
        return nc.number

    @admin.display(description="supplier", ordering="supplier__name_order")
    def supplier_name(self, nc: NonConformity) -> str:
        return nc.supplier.name

    @admin.display(description="supplier")
    def supplier_link(self, nc: NonConformity) -> SafeString:
        return link(reverse("admin:suppliers_supplier_change", args=(nc.supplier_id,)), nc.supplier.name)

    @admin.display(description="severity", ordering=BY_WEIGHT)
    def severity_badge(self, nc: NonConformity) -> SafeString:
        return badge(nc.get_severity_display(), SEVERITY_BADGES[Severity(nc.severity)])

    @admin.display(description="status", ordering="status")
    def status_badge(self, nc: NonConformity) -> SafeString:
        return badge(nc.get_status_display(), "warn" if nc.status == NcStatus.OPEN else "good")

    @admin.display(description="age", ordering="-created_at")
    def age(self, nc: NonConformity) -> str:
        # Not below zero: the database set `created_at`, and its clock may be ahead of ours.
        lasted = max(0, ((nc.closed_at or clock.present()) - nc.created_at).days)
        if nc.closed_at is None:
            return days(lasted) if lasted else "new"
        return f"closed after {days(lasted)}" if lasted else "closed within a day"

    @admin.display(description="description")
    def summary(self, nc: NonConformity) -> str:
        return Truncator(nc.description).chars(90)

    @admin.display(description="description")
    def full_description(self, nc: NonConformity) -> SafeString | str:
        return prose(nc.description)

    @admin.display(description="created (UTC)", ordering="created_at")
    def created(self, nc: NonConformity) -> SafeString | str:
        return moment(nc.created_at)

    @admin.display(description="reported")
    def reported(self, nc: NonConformity) -> str:
        return f"{nc.created_at:%Y-%m-%d %H:%M} UTC by {nc.reported_by.username}"

    @admin.display(description="closed")
    def closed(self, nc: NonConformity) -> str:
        if nc.closed_at is None or nc.closed_by is None:
            return NONE
        return f"{nc.closed_at:%Y-%m-%d %H:%M} UTC by {nc.closed_by.username}"

    @admin.display(description="reason for closing")
    def closing_reason(self, nc: NonConformity) -> SafeString | str:
        return prose(nc.closure_reason)


show_on_records(Supplier, open_ncs_panel)
show_on_front_page(my_work_panel, order=10)
