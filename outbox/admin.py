"""The outbox in the admin: read only, except that dead events can be requeued."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from audit.history import HistoryPanel
from outbox.choices import EventStatus
from outbox.models import OutboxEvent, ProcessedEvent
from outbox.permissions import OUTBOX_ROLES
from outbox.services import requeue_dead_event
from qhse.accounts.models import User
from qhse.adminsite.base import badge

STATUS_BADGES = {EventStatus.PENDING: "warn", EventStatus.PROCESSED: "good", EventStatus.DEAD: "bad"}


@admin.register(OutboxEvent)
class OutboxEventAdmin(HistoryPanel):
    roles = OUTBOX_ROLES
    entity_type = "outbox_event"
    list_display = (
        "created_at",
        "event_type",
        "aggregate_name",
        "status_badge",
        "attempts",
        "next_attempt_at",
        "error",
    )
    list_display_links = ("created_at",)
    list_filter = ("status", "event_type", "created_at")
    search_fields = ("event_id", "aggregate_id", "event_type")
    search_help_text = "Event id, aggregate id or type"
    actions = ("requeue_selected",)
    fields = (
        "event_id", "event_type", "schema_version", "aggregate_name", "status_badge", "attempts",
        "payload_text", "headers_text", "occurred_at", "next_attempt_at", "processed_at", "handled_by", "error_text",
    )  # fmt: skip
    readonly_fields = fields

    def entity_id(self, record: Any) -> str:
        return str(record.event_id)

    def has_requeue_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "requeue")

    @admin.action(description="Requeue selected dead events", permissions=["requeue"])
    def requeue_selected(self, request: HttpRequest, queryset: QuerySet[OutboxEvent]) -> HttpResponse | None:
        actor = request.user
        if not isinstance(actor, User):
            return None
        return self.ask_reason(
            request,
            queryset,
            action="requeue_selected",
            title="Requeue dead events",
            perform=lambda event, reason: requeue_dead_event(event_id=event.event_id, actor=actor, reason=reason),
        )

    @admin.display(description="aggregate", ordering="aggregate_id")
    def aggregate_name(self, event: OutboxEvent) -> str:
        return f"{event.aggregate_type} {event.aggregate_id}"

    @admin.display(description="status", ordering="status")
    def status_badge(self, event: OutboxEvent) -> SafeString:
        return badge(event.get_status_display(), STATUS_BADGES[EventStatus(event.status)])

    @admin.display(description="last error")
    def error(self, event: OutboxEvent) -> str:
        return event.last_error.partition("\n")[0][:120] or "–"

    @admin.display(description="last error")
    def error_text(self, event: OutboxEvent) -> SafeString | str:
        return format_html("<pre>{}</pre>", event.last_error) if event.last_error else "–"

    @admin.display(description="payload")
    def payload_text(self, event: OutboxEvent) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(event.payload, indent=2, ensure_ascii=False))

    @admin.display(description="headers")
    def headers_text(self, event: OutboxEvent) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(event.headers, indent=2, ensure_ascii=False))

    @admin.display(description="handled by")
    def handled_by(self, event: OutboxEvent) -> SafeString | str:
        rows = ProcessedEvent.objects.filter(event_id=event.event_id).values_list("handler", "processed_at")
        return format_html_join("", "<div>{} at {}</div>", rows) or "–"
