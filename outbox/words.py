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
            "MESSAGE_REQUEUED": "Message put back to be sent again",
            "MESSAGE_DISMISSED": "Message dismissed",
        },
        fields={
            "status": Field("status", choices=dict(EventStatus.choices)),
            "attempts": Field("attempts"),
            "channel": Field("sent to"),
            "last_error": Field("last error"),
        },
    )
)
register(
    Words(
        record="outbox_replay",
        name="replay",
        group=Group.TECHNICAL,
        happened={"EVENTS_REPLAYED": "Events sent again"},
        fields={
            "channel": Field("sent to"),
            "since": Field("published since"),
            "until": Field("published before"),
            "event_type": Field("type"),
            "aggregate": Field("record"),
        },
    )
)
