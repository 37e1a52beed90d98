"""An event as it leaves: CloudEvents attributes and ours as headers, the payload alone as the body."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC

from django.conf import settings

from outbox.relay.queue import Leaving

CONTENT_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Message:
    """
    One message. `row` is the row that has to leave, `key` what its order is kept by.

    The attributes are those of CloudEvents 1.0, without a prefix: each protocol has one of its own. The `headers` are
    ours.
    """

    row: int
    key: int
    message_id: str
    route: str
    attributes: dict[str, str]
    headers: dict[str, str]
    body: bytes


def message_of(leaving: Leaving) -> Message:
    """
    Return the message of an event. The same event makes the same message each time, apart from `qhse_replay`.

    The `sequence` is padded: the extension of CloudEvents compares it as text. Of one subject, a higher one is newer.
    """
    event_id = str(leaving.event_id)
    subject = f"{leaving.aggregate_type}/{leaving.aggregate_id}"
    headers = {"schema_version": str(leaving.schema_version)}
    for name in ("request_id", "actor", "traceparent"):
        if value := leaving.headers.get(name):
            headers[name] = str(value)
    if leaving.replay:
        headers["qhse_replay"] = str(leaving.replay)
    return Message(
        row=leaving.row,
        key=leaving.key,
        message_id=event_id,
        route=route_of(leaving.aggregate_type, leaving.event_type),
        attributes={
            "specversion": "1.0",
            "id": event_id,
            "source": settings.BROKER_SOURCE,
            "type": leaving.event_type,
            "subject": subject,
            "time": leaving.occurred_at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "dataschema": f"{settings.BROKER_SOURCE}/events/{leaving.event_type}/{leaving.schema_version}",
            "partitionkey": subject,
            "sequence": f"{leaving.sequence:020d}",
        },
        headers=headers,
        body=leaving.payload.encode(),
    )


def route_of(aggregate_type: str, event_type: str) -> str:
    """Return the routing key: `nonconformity.NC_CREATED`."""
    return f"{aggregate_type}.{event_type}"
