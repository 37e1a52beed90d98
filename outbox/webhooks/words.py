"""People's words for what is done to webhooks."""

from __future__ import annotations

from audit.words import Field, Group, Words, register
from outbox.webhooks.choices import DeliveryStatus, EndpointStatus, PauseCause

register(
    Words(
        record="webhook",
        name="webhook",
        group=Group.TECHNICAL,
        happened={
            "WEBHOOK_CREATED": "Webhook created",
            "WEBHOOK_CHANGED": "Webhook changed",
            "WEBHOOK_SECRET_ROTATED": "Secret of a webhook rotated",
            "WEBHOOK_PAUSED": "Webhook paused",
            "WEBHOOK_RESUMED": "Webhook made active again",
        },
        fields={
            "url": Field("address"),
            "description": Field("description"),
            "event_types": Field("events"),
            "status": Field("status", choices=dict(EndpointStatus.choices)),
            "paused_because": Field("paused because", choices=dict(PauseCause.choices)),
            "previous_until": Field("the former secret is good until"),
        },
    )
)
register(
    Words(
        record="webhook_delivery",
        name="webhook delivery",
        group=Group.TECHNICAL,
        happened={"WEBHOOK_DELIVERY_RETRIED": "Delivery of a webhook sent again"},
        fields={"status": Field("status", choices=dict(DeliveryStatus.choices)), "attempts": Field("attempts")},
    )
)
