"""Non-conformities in the admin: every write goes through the services."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from audit.history import HistoryPanel
from ncs.choices import NcStatus, Severity
from ncs.models import NonConformity
from ncs.permissions import NC_ROLES
from ncs.services import close_nonconformity, open_nonconformity
from qhse.accounts.models import User
from qhse.adminsite.base import badge
from qhse.adminsite.forms import ServiceForm

SEVERITY_BADGES = {Severity.LOW: "mute", Severity.MEDIUM: "warn", Severity.HIGH: "bad"}


class NonConformityAddForm(ServiceForm):
    class Meta:
        model = NonConformity
        fields = ("supplier", "severity", "description")

    def write(self) -> NonConformity:
        return open_nonconformity(
            supplier_id=self.cleaned_data["supplier"].pk,
            severity=self.cleaned_data["severity"],
            description=self.cleaned_data["description"],
            actor=self.actor,
        )


class NonConformityCloseForm(ServiceForm):
    """The one change that an NC allows."""

    close = forms.BooleanField(required=False, label="Close this non-conformity")
    reason = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Kept in the audit trail.",
    )

    class Meta:
        model = NonConformity
        fields: tuple[str, ...] = ()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("close") and not cleaned.get("reason", "").strip():
            self.add_error("reason", "Say why it can be closed.")
        return cleaned

    def write(self) -> NonConformity:
        if not self.cleaned_data["close"]:
            return self.instance
        return close_nonconformity(nc_id=self.instance.pk, actor=self.actor, reason=self.cleaned_data["reason"])


@admin.register(NonConformity)
class NonConformityAdmin(HistoryPanel):
    roles = NC_ROLES
    change_action = "close"
    entity_type = "nonconformity"
    add_form = NonConformityAddForm
    change_form = NonConformityCloseForm
    list_display = ("nc_number", "supplier", "severity_badge", "status_badge", "age", "summary", "created_at")
    list_display_links = ("nc_number",)
    list_filter = ("status", "severity", "created_at")
    list_select_related = ("supplier",)
    search_fields = ("id__exact", "supplier__name", "supplier__name_key", "description")
    search_help_text = "Id, supplier or description"
    autocomplete_fields = ("supplier",)
    date_hierarchy = "created_at"
    ordering = ("-id",)
    actions = ("close_selected",)
    _shown = (
        "nc_number", "supplier", "severity_badge", "status_badge", "description",
        "reported_by", "created_at", "closed_at", "closed_by", "closure_reason",
    )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: NonConformity | None = None) -> Any:
        return self._shown if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: NonConformity | None = None) -> Any:
        if obj is None:
            return ((None, {"fields": ("supplier", "severity", "description")}),)
        shown = ((None, {"fields": self._shown}),)
        if obj.status == NcStatus.OPEN and self.has_change_permission(request, obj):
            return (*shown, ("Closing", {"fields": ("close", "reason")}))
        return shown

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        closed = obj is not None and obj.status == NcStatus.CLOSED
        return not closed and super().has_change_permission(request, obj)

    def has_close_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "close")

    @admin.action(description="Close selected non-conformities", permissions=["close"])
    def close_selected(self, request: HttpRequest, queryset: QuerySet[NonConformity]) -> HttpResponse | None:
        actor = request.user
        if not isinstance(actor, User):
            return None
        return self.ask_reason(
            request,
            queryset,
            action="close_selected",
            title="Close non-conformities",
            perform=lambda nc, reason: close_nonconformity(nc_id=nc.pk, actor=actor, reason=reason),
        )

    @admin.display(description="number", ordering="id")
    def nc_number(self, nc: NonConformity) -> str:
        return nc.number

    @admin.display(description="severity", ordering="severity")
    def severity_badge(self, nc: NonConformity) -> SafeString:
        return badge(nc.get_severity_display(), SEVERITY_BADGES[Severity(nc.severity)])

    @admin.display(description="status", ordering="status")
    def status_badge(self, nc: NonConformity) -> SafeString:
        return badge(nc.get_status_display(), "warn" if nc.status == NcStatus.OPEN else "good")

    @admin.display(description="age")
    def age(self, nc: NonConformity) -> str:
        days = ((nc.closed_at or timezone.now()) - nc.created_at).days
        return f"{days} d"

    @admin.display(description="description")
    def summary(self, nc: NonConformity) -> str:
        return Truncator(nc.description).chars(80)
