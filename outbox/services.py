"""What a person may do to the outbox. They put dead events back."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from audit.services import Actor, entry_for, record_all
from outbox.choices import EventStatus
from outbox.errors import OutboxEventIsNotDead, OutboxEventNotFound
from outbox.models import OutboxEvent
from outbox.wakeup import wake_workers
from qhse.errors import InvalidInput

REQUEUE_CHUNK = 500


@transaction.atomic
def requeue_dead_event(*, event_id: UUID, actor: Actor | None, reason: str) -> OutboxEvent:
    """
    Put one dead event back to pending. It is due at once, with its attempts counted anew.

    The event and an audit entry with the reason are stored together. The commit wakes waiting workers. Handlers that
    had already handled it do not run again.

    Raises OutboxEventNotFound, OutboxEventIsNotDead, InvalidInput without a reason.
    """
    event = OutboxEvent.objects.select_for_update(no_key=True).filter(event_id=event_id).first()
    if event is None:
        raise OutboxEventNotFound("There is no such outbox event.")
    if event.status != EventStatus.DEAD:
        raise OutboxEventIsNotDead(f"The event is {event.status}; only FAILED events can be requeued.")
    _requeue([event], actor=actor, reason=_required(reason))
    event.refresh_from_db()
    return event


def requeue_dead_events(*, ids: Iterable[int], actor: Actor | None, reason: str) -> int:
    """
    Put the dead ones among these outbox rows back to pending. Return how many there were.

    Works in transactions of REQUEUE_CHUNK events, each with its audit entries. Rows that another requeue holds are
    passed over. So are those that are no longer dead. It may be repeated after an interruption.
    """
    reason = _required(reason)
    wanted = list(ids)
    requeued = 0
    for start in range(0, len(wanted), REQUEUE_CHUNK):
        with transaction.atomic():
            events = list(
                OutboxEvent.objects.dead()
                .filter(pk__in=wanted[start : start + REQUEUE_CHUNK])
                .order_by("id")
                .select_for_update(skip_locked=True)
            )
            _requeue(events, actor=actor, reason=reason)
            requeued += len(events)
    return requeued


def _required(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise InvalidInput("A reason is required: it is kept in the audit trail.", field="reason")
    return reason


def _requeue(events: list[OutboxEvent], *, actor: Actor | None, reason: str) -> None:
    if not events:
        return
    OutboxEvent.objects.filter(pk__in=[event.pk for event in events]).update(
        status=EventStatus.PENDING, attempts=0, next_attempt_at=Now()
    )
    record_all(
        entry_for(
            actor=actor,
            action="OUTBOX_EVENT_REQUEUED",
            entity_type="outbox_event",
            entity_id=event.event_id,
            changes={
                "status": (event.status, EventStatus.PENDING.value),
                "attempts": (event.attempts, 0),
            },
            reason=reason,
        )
        for event in events
    )
    wake_workers()
