"""The audit trail in the admin: read only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from audit.models import AuditEntry
from audit.permissions import AUDIT_ROLES
from qhse.adminsite.base import ReadOnlyAdmin


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    roles = AUDIT_ROLES
    list_display = ("created_at", "actor", "actor_role", "action", "entity", "changed", "reason", "source")
    list_filter = ("action", "actor_role", "entity_type", "source", "created_at")
    search_fields = ("actor", "entity_id", "request_id", "reason")
    search_help_text = "Actor, record id, request id or reason"
    list_display_links = ("created_at",)
    fields = (
        "created_at", "actor", "actor_role", "action", "entity_type", "entity_id",
        "changed", "reason", "source", "request_id",
    )  # fmt: skip
    readonly_fields = fields

    @admin.display(description="record")
    def entity(self, entry: AuditEntry) -> str:
        return f"{entry.entity_type} {entry.entity_id}"

    @admin.display(description="old → new")
    def changed(self, entry: AuditEntry) -> SafeString | str:
        return changes_as_html(entry.changes)


def changes_as_html(changes: dict[str, list[Any]]) -> SafeString | str:
    """Return the changes as lines of `field: old → new`, every part escaped."""
    lines = (
        (name, "–" if old is None else str(old)[:200], "–" if new is None else str(new)[:200])
        for name, (old, new) in changes.items()
    )
    return format_html_join("", '<div class="change"><b>{}</b>: {} → {}</div>', lines) or "–"
