"""The log of deliveries in the admin, and sending one again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from audit.history import HistoryPanel
from audit.words import what_happened
from outbox.webhooks.admin.forms import RetryForm
from outbox.webhooks.choices import DeliveryStatus
from outbox.webhooks.models import WebhookAttempt, WebhookDelivery
from outbox.webhooks.permissions import DELIVERY_ROLES
from outbox.webhooks.services import retry_delivery
from qhse.accounts.models import User
from qhse.adminsite.bulk import BulkActionsAdmin
from qhse.adminsite.display import NONE, badge, block, moment
from qhse.adminsite.filters import PeriodFilter
from qhse.adminsite.panels import Content, show_on_records

STATUS_BADGES = {DeliveryStatus.WAITING: "warn", DeliveryStatus.DELIVERED: "good", DeliveryStatus.FAILED: "bad"}


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(HistoryPanel, BulkActionsAdmin):
    roles = DELIVERY_ROLES
    empty_list = "There are no deliveries. Each event that a webhook wants will stand here for 30 days."
    menu_order = 42
    change_action = "retry"
    change_form = RetryForm
    change_done = "is sent again"
    save_label = "Send again"
    entity_type = "webhook_delivery"
    list_display = ("made", "what", "subject", "webhook", "status_badge", "attempts", "last_error")
    list_filter = ("status", ("created_at", PeriodFilter))
    url_filters = ("endpoint", "endpoint__id")
    list_select_related = ("endpoint",)
    search_fields = ("subject__exact", "event_type__exact")
    search_help_text = "Record, such as nonconformity/41, or type of event"
    export_fields = ("id", "event_id", "event_type", "endpoint", "status", "subject", "sequence")
    actions = ("retry_selected",)
    ordering = ("-id",)
    readonly_fields = (
        "what", "subject", "webhook", "status_badge", "attempts", "next_attempt", "last_error", "event_id", "sequence",
        "made", "ended", "body_text",
    )  # fmt: skip

    def get_fieldsets(self, request: HttpRequest, obj: WebhookDelivery | None = None) -> Any:
        shown = ((None, {"fields": self.readonly_fields}),)
        if obj is not None and self.has_change_permission(request, obj):
            return (*shown, ("Send it again", {"fields": ("reason", "go"), "classes": ("act",)}))
        return shown

    def finished(self, record: Any) -> str:
        return "" if record.endpoint.is_active else "cannot be sent again while its webhook is paused"

    def name_of(self, record: Any) -> str:
        return f"{what_happened(record.event_type)}: {record.subject}"

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "retry")

    @admin.action(description="Send selected deliveries again", permissions=["retry"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> HttpResponse | None:
        actor = request.user
        if not isinstance(actor, User):
            return None
        return self.ask_reason(
            request,
            queryset,
            applies_to=WebhookDelivery.not_due(),
            action="retry_selected",
            title="Send deliveries again",
            nothing="None of the selected deliveries can be sent again.",
            perform=lambda delivery, reason, seen: retry_delivery(
                webhook_id=delivery.endpoint_id, delivery_id=delivery.pk, actor=actor, reason=reason
            ),
        )

    @admin.display(description="made (UTC)", ordering="id")
    def made(self, delivery: WebhookDelivery) -> SafeString | str:
        return moment(delivery.created_at)

    @admin.display(description="what happened", ordering="event_type")
    def what(self, delivery: WebhookDelivery) -> str:
        return what_happened(delivery.event_type)

    @admin.display(description="webhook", ordering="endpoint")
    def webhook(self, delivery: WebhookDelivery) -> str:
        return str(delivery.endpoint)

    @admin.display(description="status", ordering="status")
    def status_badge(self, delivery: WebhookDelivery) -> SafeString:
        return badge(delivery.get_status_display(), STATUS_BADGES[DeliveryStatus(delivery.status)])

    @admin.display(description="next attempt (UTC)")
    def next_attempt(self, delivery: WebhookDelivery) -> SafeString | str:
        if delivery.status != DeliveryStatus.WAITING:
            return NONE
        return moment(max(delivery.next_attempt_at, delivery.created_at))

    @admin.display(description="ended (UTC)")
    def ended(self, delivery: WebhookDelivery) -> SafeString | str:
        return moment(delivery.ended_at)

    @admin.display(description="what is sent")
    def body_text(self, delivery: WebhookDelivery) -> SafeString | str:
        return block(delivery.body, "What is sent")


def attempts_panel(request: HttpRequest, record: Model) -> Content:
    """Return the attempts of a delivery. Who sees the delivery sees them."""
    assert isinstance(record, WebhookDelivery)
    return {
        "template": "adminsite/table_panel.html",
        "id": "attempts",
        "title": "Attempts",
        "columns": ("At (UTC)", "To", "Answer", "ms", "What it said"),
        "rows": [_row(each) for each in record.newest_tries],
        "empty": "It has not been sent yet.",
    }


def _row(each: WebhookAttempt) -> tuple[Any, ...]:
    outcome = each.error or f"{each.status_code}"
    said = block(each.answer, f"Answer at {each.at:%H:%M:%S}")
    return f"{each.at:%Y-%m-%d %H:%M:%S}", each.url, outcome, f"{each.milliseconds:,}", said


show_on_records(WebhookDelivery, attempts_panel)
