"""Publishing is one insert. It makes an event part of the transaction that caused it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from django.conf import settings
from django.db import transaction

from audit.services import SYSTEM_NAME, Actor
from outbox.errors import PayloadTooLarge, PublishedOutsideTransaction
from outbox.events import DomainEvent, event_types
from outbox.metrics import observe_published
from outbox.models import OutboxEvent
from outbox.outgoing import BROKER, enqueue
from qhse import tracing
from qhse.observability import context
from qhse.queries import WrittenInsert
from qhse.wakeup import wake_workers

MAX_PAYLOAD_BYTES = 65_536


def publish(event: DomainEvent, *, actor: Actor | None, request_id: str | None = None) -> OutboxEvent:
    """
    Store an event in the caller's transaction. It exists if and only if the change it announces does.

    An `actor` of None means the system itself. A `request_id` overrides that of the running context. Call it while
    holding the lock of the aggregate's row. That makes the order of ids the order of changes.

    Raises PublishedOutsideTransaction outside `transaction.atomic`, PayloadTooLarge above MAX_PAYLOAD_BYTES, and
    TypeError for an event class that is not registered: no worker could rebuild it.
    """
    (stored,) = publish_all([(event, request_id)], actor=actor)
    return stored


def publish_all(events: Sequence[tuple[DomainEvent, str | None]], *, actor: Actor | None) -> list[OutboxEvent]:
    """Store several (event, request id) in one statement. The rules of `publish` hold."""
    if not transaction.get_connection().in_atomic_block:
        raise PublishedOutsideTransaction("publish needs the transaction of the change that the event announces")
    running = context.current()
    actor_name = SYSTEM_NAME if actor is None else actor.username
    event_types_published = [event.event_type for event, _ in events]
    transaction.on_commit(lambda: observe_published(event_types_published), robust=True)
    wake_workers()
    stored = [
        OutboxEvent(
            event_type=event.event_type,
            schema_version=event.schema_version,
            aggregate_type=event.aggregate_type,
            aggregate_id=event.aggregate_id,
            payload=_checked(event),
            headers={
                "request_id": running.request_id if request_id is None else request_id,
                "actor": actor_name,
            },
        )
        for event, request_id in events
    ]
    if tracing.is_on():
        for row in stored:
            row.headers |= _announced(row)
    if len(stored) > 1:
        stored = OutboxEvent.objects.bulk_create(stored)
    else:
        for row in stored:
            _new_event.insert(row)
    if settings.BROKER_URL and stored:
        # Not by a handler: an event that is dead for one of them would never leave.
        enqueue(BROKER, stored)
    return stored


def _announced(event: OutboxEvent) -> dict[str, str]:
    """Return by which headers the event's readers continue the trace, if it is recorded."""
    return tracing.announce(
        f"publish {event.event_type}",
        request_id=event.headers["request_id"],
        **{
            "messaging.message.id": str(event.event_id),
            "qhse.event_type": event.event_type,
            "qhse.aggregate_type": event.aggregate_type,
        },
    )


_new_event = WrittenInsert(OutboxEvent)


def _checked(event: DomainEvent) -> dict[str, object]:
    if event_types.get(event.event_type) is not type(event):
        raise TypeError(f"{type(event).__name__} is not registered as {event.event_type}; decorate it with @register")
    payload = event.payload()
    size = len(json.dumps(payload).encode())
    if size > MAX_PAYLOAD_BYTES:
        raise PayloadTooLarge(f"{event.event_type} would carry {size:,} bytes; at most {MAX_PAYLOAD_BYTES:,} fit.")
    return payload
