"""People's words for what is done to outbox events."""

from __future__ import annotations

from audit.words import Field, Group, Words, register
from outbox.choices import EventStatus

register(
    Words(
        record="outbox_event",
        name="event",
        group=Group.TECHNICAL,
        happened={
            "OUTBOX_EVENT_REQUEUED": "Event put back to be handled again",
            "OUTBOX_EVENT_DISMISSED": "Event dismissed",
        },
        fields={"status": Field("status", choices=dict(EventStatus.choices)), "attempts": Field("attempts")},
    )
)
