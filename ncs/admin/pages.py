"""Non-conformities in the admin: every write goes through the services."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from audit.history import HistoryPanel
from ncs.choices import NcStatus, Severity
from ncs.models import NonConformity
from ncs.permissions import NC_ROLES
from ncs.services import close_nonconformity, open_nonconformity
from qhse.accounts.models import User
from qhse.adminsite.bulk import BulkActionsAdmin
from qhse.adminsite.display import NONE, badge, days, link, moment, prose
from qhse.adminsite.filters import ChoiceFilter
from qhse.adminsite.forms import ServiceForm, reason_field
from qhse.adminsite.panels import show_on_front_page, show_on_records
from suppliers.models import Supplier
from suppliers.names import name_key

SEVERITY_BADGES = {Severity.LOW: "mute", Severity.MEDIUM: "warn", Severity.HIGH: "bad"}
BY_WEIGHT = Case(When(severity=Severity.HIGH, then=Value(3)), When(severity=Severity.MEDIUM, then=Value(2)), default=1)
NUMBER = re.compile(r"(NC-\d{4}-)?0*(\d{1,18})", re.ASCII | re.IGNORECASE)
PANEL_ROWS = 20
WORK_ROWS = 5


class NonConformityAddForm(ServiceForm):
    class Meta:
        model = NonConformity
        fields = ("supplier", "severity", "description")
        help_texts = {
            "description": "What was found against which requirement: lot, drawing, quantities, measured values."
        }

    def write(self) -> NonConformity:
        return open_nonconformity(
            supplier_id=self.cleaned_data["supplier"].pk,
            severity=self.cleaned_data["severity"],
            description=self.cleaned_data["description"],
            actor=self.actor,
        )


class NonConformityCloseForm(ServiceForm):
    """The one change that an NC allows."""

    reason = reason_field(required=True, help_text="What makes it closed. Kept in the audit trail.")

    class Meta:
        model = NonConformity
        fields: tuple[str, ...] = ()

    def write(self) -> NonConformity:
        return close_nonconformity(nc_id=self.instance.pk, actor=self.actor, reason=self.cleaned_data["reason"])


class StatusFilter(ChoiceFilter):
    """Shows what is open, unless asked otherwise; a search looks everywhere."""

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


class SupplierFilter(admin.SimpleListFilter):
    """Names the supplier that the address asks for. Suppliers are chosen by the search or on their own pages."""

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


@admin.register(NonConformity)
class NonConformityAdmin(BulkActionsAdmin, HistoryPanel):
    roles = NC_ROLES
    menu_order = 10
    change_action = "close"
    entity_type = "nonconformity"
    add_form = NonConformityAddForm
    change_form = NonConformityCloseForm
    save_label = "Close non-conformity"
    change_done = "has been closed"
    list_display = ("nc_number", "supplier_name", "severity_badge", "status_badge", "age", "summary", "created")
    list_display_links = ("nc_number",)
    list_filter = (StatusFilter, SupplierFilter, "severity", ("created_at", admin.DateFieldListFilter))
    list_select_related = ("supplier",)
    search_fields = ("supplier__name_key", "description")
    search_help_text = "Number, supplier or description"
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
        """Find a number in any form people write it (NC-2026-00042, 42), a supplier in any case, or the text."""
        number = NUMBER.fullmatch(search_term.strip())
        if number and number[1]:
            return queryset.filter(pk=int(number[2])), False
        found, _ = super().get_search_results(request, queryset, search_term)
        by_key, _ = super().get_search_results(request, queryset, name_key(search_term))
        by_number = queryset.filter(pk=int(number[2])) if number else queryset.none()
        return found | by_key | by_number, False

    def describe(self, record: NonConformity) -> str:
        return f"{record.number} · {record.supplier.name} · {Truncator(record.description).chars(80)}"

    @admin.action(description="Close selected non-conformities", permissions=["close"])
    def close_selected(self, request: HttpRequest, queryset: QuerySet[NonConformity]) -> HttpResponse | None:
        actor = request.user
        if not isinstance(actor, User):
            return None
        return self.ask_reason(
            request,
            queryset.filter(status=NcStatus.OPEN),
            action="close_selected",
            title="Close non-conformities",
            nothing="None of the selected non-conformities is open.",
            perform=lambda nc, reason: close_nonconformity(nc_id=nc.pk, actor=actor, reason=reason),
        )

    # --- Columns and fields -----------------------------------------------------------------------------------------

    @admin.display(description="number", ordering="id")
    def nc_number(self, nc: NonConformity) -> str:
        return nc.number

    @admin.display(description="supplier", ordering="supplier__name_key")
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
        lasted = ((nc.closed_at or timezone.now()) - nc.created_at).days
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


def open_ncs_panel(request: HttpRequest, supplier: Supplier) -> dict[str, Any] | None:
    """Return a supplier's open NCs, for its page."""
    page: Any = admin.site.get_model_admin(NonConformity)
    if not page.has_view_permission(request):
        return None
    of_supplier = NonConformity.objects.filter(supplier=supplier)
    listed = reverse("admin:ncs_nonconformity_changelist")
    links = [(f"{listed}?supplier={supplier.pk}&status=all", f"All {supplier.nc_total} non-conformities")]
    if page.has_add_permission(request):
        links.append((reverse("admin:ncs_nonconformity_add", query={"supplier": supplier.pk}), "Report a new one"))
    return {
        "template": "adminsite/table_panel.html",
        "id": "open-ncs",
        "title": "Open non-conformities",
        "columns": ("Number", "Severity", "Age", "Description"),
        "rows": [
            (link(page.record_url(str(nc.pk)), nc.number), page.severity_badge(nc), page.age(nc), page.summary(nc))
            for nc in of_supplier.open().order_by(BY_WEIGHT.desc(), "id")[:PANEL_ROWS]
        ],
        "empty": "None is open.",
        "links": links,
    }


def my_work_panel(request: HttpRequest) -> dict[str, Any] | None:
    """Return the open NCs that matter most, the oldest first, for whoever may close them."""
    page: Any = admin.site.get_model_admin(NonConformity)
    if not page.has_change_permission(request):
        return None
    severe = NonConformity.objects.open().filter(severity=Severity.HIGH).select_related("supplier").order_by("id")
    listed = reverse("admin:ncs_nonconformity_changelist")
    return {
        "template": "adminsite/table_panel.html",
        "title": "Open with severity high, oldest first",
        "columns": ("Number", "Supplier", "Age", "Description"),
        "rows": [
            (link(page.record_url(str(nc.pk)), nc.number), page.supplier_link(nc), page.age(nc), page.summary(nc))
            for nc in severe[:WORK_ROWS]
        ],
        "empty": "No open non-conformity has severity high.",
        "links": (
            (f"{listed}?status=OPEN&severity__exact=high", "All of them"),
            (reverse("admin:ncs_nonconformity_add"), "Report a new one"),
        ),
    }


show_on_records(Supplier, open_ncs_panel)
show_on_front_page(my_work_panel, order=10)
