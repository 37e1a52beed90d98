"""The history of one record, as a panel on its admin page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator, capfirst

from audit.models import AuditEntry
from audit.permissions import AUDIT_ROLES
from qhse.accounts.rights import is_allowed
from qhse.adminsite.base import ServiceModelAdmin
from qhse.adminsite.display import NONE
from qhse.adminsite.meanwhile import Change

SHOWN = 50
EXCERPT = 200  # characters of a value, where many entries stand below each other


class HistoryPanel(ServiceModelAdmin):
    """Shows the newest audit entries of a record below its form."""

    entity_type: str = ""

    def entity_id(self, record: Model) -> str:
        return str(record.pk)

    def record_panels(self, request: HttpRequest, record: Model) -> list[dict[str, Any]]:
        return [*super().record_panels(request, record), *self._history(request, record)]

    def newest_seen(self, record: Model) -> int:
        entry = AuditEntry.objects.about(self.entity_type, self.entity_id(record)).first()
        return 0 if entry is None else entry.pk

    def changes_since(self, record: Model, seen: int) -> list[Change]:
        entries = AuditEntry.objects.about(self.entity_type, self.entity_id(record)).filter(pk__gt=seen)[:SHOWN]
        return [change for entry in entries for change in _changes_of(entry)]

    def _history(self, request: HttpRequest, record: Model) -> list[dict[str, Any]]:
        if not is_allowed(request.user, "record_history", AUDIT_ROLES):
            return []
        entity_id = self.entity_id(record)
        entries = list(AuditEntry.objects.about(self.entity_type, entity_id)[: SHOWN + 1])
        panel = {
            "template": "audit/history_panel.html",
            "entries": [(entry, changes_as_html(entry.shown_changes, excerpt=EXCERPT)) for entry in entries[:SHOWN]],
            "older": len(entries) > SHOWN,
        }
        if is_allowed(request.user, "list", AUDIT_ROLES):
            panel["trail_url"] = trail = reverse("admin:audit_auditentry_changelist")
            if panel["older"]:
                panel["older_url"] = f"{trail}?entity_type={self.entity_type}&entity_id={entity_id}"
        return [panel]


def _changes_of(entry: AuditEntry) -> Iterator[Change]:
    action = capfirst(entry.action.replace("_", " ").lower())
    for name, (old, new) in (entry.shown_changes or {"": [None, None]}).items():
        yield Change(name, old, new, action, entry.actor, entry.created_at)


def page_of(entity_type: str, request: HttpRequest) -> HistoryPanel | None:
    """Return the admin of this kind of record, if the user may open its pages."""
    for page in admin.site._registry.values():
        if isinstance(page, HistoryPanel) and page.entity_type == entity_type:
            return page if page.allows(request, "retrieve") else None
    return None


def changes_as_html(changes: dict[str, list[Any]], *, excerpt: int | None = None) -> SafeString | str:
    """Return lines of `field: old → new`. Every part is escaped, each value cut to `excerpt`."""
    lines = ((name, _text(old, excerpt), _text(new, excerpt)) for name, (old, new) in changes.items())
    return format_html_join("", '<div class="change"><b>{}</b> {} → {}</div>', lines) or NONE


def _text(value: Any, excerpt: int | None) -> str:
    if value is None or value == "":
        return NONE
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return Truncator(text).chars(excerpt) if excerpt else text
