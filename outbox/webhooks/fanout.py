"""
Spreading events over endpoints: each that wants an event gets a delivery of it.

That an event has to be spread was noted in the transaction that published it: by a trigger, if there was an active
endpoint (`migrations/0002`). Who publishes asks nothing, and pays nothing while there is none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from datetime import UTC
from typing import Any

from django.db import transaction
from django.db.models import F

from outbox.models import OutboxEvent, Outgoing
from outbox.webhooks.models import WebhookDelivery, WebhookEndpoint

CHANNEL = "webhooks"
LANE = 0
"""Who holds this lane spreads."""
ROWS_AT_ONCE = 2_000


def spread() -> int:
    """
    Make the deliveries of the oldest events that wait to be spread, and return how many events these were.

    Deliveries and notes change together. Run twice at once, no endpoint gets an event twice. The caller holds LANE: so
    deliveries are made in the order in which events of one record were published.
    """
    at_once = max(1, ROWS_AT_ONCE // max(1, WebhookEndpoint.objects.count()))
    notes = Outgoing.objects.filter(channel=CHANNEL, lane=LANE, state=0).order_by(F("id") + 0)
    ids = dict(notes.values_list("event", "id")[:at_once])
    if not ids:
        return 0
    # Behind the notes: an endpoint that is made in between must miss nothing that is published after it.
    endpoints = list(WebhookEndpoint.objects.all())
    events = OutboxEvent.objects.in_bulk(list(ids))
    with transaction.atomic():
        made = [_delivery(endpoint, events[pk], body) for pk, body in _bodies(ids, events) for endpoint in endpoints
                if endpoint.wanted(pk, events[pk].event_type)
                and endpoint.was_active(pk, events[pk].created_at)]  # fmt: skip
        WebhookDelivery.objects.bulk_create(made, ignore_conflicts=True)
        Outgoing.objects.filter(pk__in=list(ids.values())).delete()
    return len(ids)


def _bodies(ids: Collection[int], events: dict[int, OutboxEvent]) -> list[tuple[int, str]]:
    return [(pk, body_of(events[pk])) for pk in ids if pk in events]


def body_of(event: OutboxEvent) -> str:
    """Return what is sent of an event. It is ASCII, so that no two programs can read other characters in it."""
    timestamp = event.occurred_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    content: dict[str, Any] = {"type": event.event_type, "timestamp": timestamp, "data": event.payload}
    return json.dumps(content, separators=(",", ":"))


def _header(value: Any) -> str:
    """Return a value as a header can carry it, or nothing."""
    return value if isinstance(value, str) and re.fullmatch(r"[\x21-\x7e]{1,100}", value) else ""


def _delivery(endpoint: WebhookEndpoint, event: OutboxEvent, body: str) -> WebhookDelivery:
    return WebhookDelivery(
        endpoint=endpoint,
        event_id=event.event_id,
        sequence=event.pk,
        event_type=event.event_type,
        subject=f"{event.aggregate_type}/{event.aggregate_id}",
        body=body,
        traceparent=_header(event.headers.get("traceparent")),
    )
