"""The audit trail in the admin: read only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.history import EXCERPT, changes_as_html, page_of
from audit.models import AuditEntry
from audit.permissions import AUDIT_ROLES
from qhse.accounts.roles import Role
from qhse.adminsite.base import ReadOnlyAdmin
from qhse.adminsite.display import NONE, link, prose
from qhse.adminsite.filters import ChoiceFilter, indexed_values


class RoleFilter(ChoiceFilter):
    title = "role at that time"
    parameter_name = "actor_role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*((role.value, str(role.label)) for role in Role), ("system", "System")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(actor_role=self.value()) if self.value() else queryset


class SourceFilter(ChoiceFilter):
    title = "source"
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("api", "API"), ("admin", "Admin"), ("command", "Command"), ("worker", "Worker")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(source=self.value()) if self.value() else queryset


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    roles = AUDIT_ROLES
    menu_order = 30
    list_filter = (
        ("created_at", admin.DateFieldListFilter),
        indexed_values("action", "action"),
        indexed_values("entity_type", "kind of record"),
        RoleFilter,
        SourceFilter,
    )
    url_filters = ("request_id", "entity_id", "actor")
    search_fields = ("actor", "entity_id", "request_id", "reason")
    search_help_text = "Actor, record id, request id or reason"
    list_display_links = ("when",)

    def get_list_display(self, request: HttpRequest) -> Any:
        return ("when", "who", "action", self._record_column(request), "changed", "reason_excerpt", "origin")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("when", "who", "action", self._record_column(request), "all_changes", "full_reason", "origin")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj)

    def _record_column(self, request: HttpRequest) -> Any:
        """Return the column that names the record, linked where this user may open it."""

        @admin.display(description="record")
        def entity(entry: AuditEntry) -> SafeString | str:
            page = page_of(entry.entity_type, request)
            name = f"{entry.entity_type} {entry.entity_id}"
            return link(page.record_url(entry.entity_id), name) if page else name

        return entity

    @admin.display(description="when (UTC)", ordering="id")
    def when(self, entry: AuditEntry) -> SafeString:
        return format_html('<span class="nowrap">{}</span>', f"{entry.created_at:%Y-%m-%d %H:%M:%S}")

    @admin.display(description="who", ordering="actor")
    def who(self, entry: AuditEntry) -> SafeString | str:
        if entry.actor == entry.actor_role:
            return entry.actor
        return format_html('{} <span class="quiet">{}</span>', entry.actor, entry.actor_role)

    @admin.display(description="old → new")
    def changed(self, entry: AuditEntry) -> SafeString | str:
        return changes_as_html(entry.changes, excerpt=EXCERPT)

    @admin.display(description="old → new")
    def all_changes(self, entry: AuditEntry) -> SafeString | str:
        return changes_as_html(entry.changes)

    @admin.display(description="reason")
    def reason_excerpt(self, entry: AuditEntry) -> str:
        return f"{entry.reason[:EXCERPT]}…" if len(entry.reason) > EXCERPT else entry.reason or NONE

    @admin.display(description="reason")
    def full_reason(self, entry: AuditEntry) -> SafeString | str:
        return prose(entry.reason)

    @admin.display(description="from")
    def origin(self, entry: AuditEntry) -> SafeString | str:
        if not entry.request_id:
            return entry.source
        url = reverse("admin:audit_auditentry_changelist", query={"request_id": entry.request_id})
        return format_html(
            '{}<br><a class="mono" href="{}" title="All that this request changed">{}</a>',
            entry.source, url, entry.request_id[:12],
        )  # fmt: skip
