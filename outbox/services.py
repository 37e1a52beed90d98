"""What a person may do to the outbox. They put dead events back, or dismiss them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from audit.services import Actor, entry_for, record_all
from outbox.choices import EventStatus
from outbox.errors import OutboxEventIsNotDead, OutboxEventNotFound
from outbox.models import OutboxEvent
from qhse.errors import InvalidInput, demand_version
from qhse.text import plain
from qhse.wakeup import wake_workers

DECIDED_AT_ONCE = 500

Decision = Callable[[list[OutboxEvent], Actor | None, str], None]
"""Changes dead events that the caller has locked, and records it with the reason."""


@transaction.atomic
def requeue_dead_event(
    *, event_id: UUID, actor: Actor | None, reason: str, expected_versions: Collection[int] | None = None
) -> OutboxEvent:
    """
    Put one dead event back to pending. It is due at once, with its attempts counted anew.

    The event and an audit entry with the reason are stored together. The commit wakes waiting workers. Handlers that
    had already handled it do not run again.

    Raises OutboxEventNotFound, OutboxEventIsNotDead, InvalidInput without a reason; RecordHasChanged when it has come
    back and died again since it had one of the `expected_versions`. None expects nothing.
    """
    return _decide_on_one(event_id, _requeue, "requeued", actor, reason, expected_versions)


@transaction.atomic
def dismiss_dead_event(
    *, event_id: UUID, actor: Actor | None, reason: str, expected_versions: Collection[int] | None = None
) -> OutboxEvent:
    """
    Dismiss one dead event. It is never handled, and nobody can take that back.

    The event and an audit entry with the reason are stored together. Effects of handlers that had already handled it
    stay. The event is locked: of a requeue and a dismissal at once, the second is refused.

    Raises OutboxEventNotFound, OutboxEventIsNotDead, InvalidInput without a reason; RecordHasChanged when it has come
    back and died again since it had one of the `expected_versions`. None expects nothing.
    """
    return _decide_on_one(event_id, _dismiss, "dismissed", actor, reason, expected_versions)


def requeue_dead_events(*, ids: Iterable[int], actor: Actor | None, reason: str) -> int:
    """
    Put the dead ones among these outbox rows back to pending. Return how many there were.

    Works in transactions of DECIDED_AT_ONCE events, each with its audit entries. Rows that somebody else decides on are
    passed over. So are those that are no longer dead. It may be repeated after an interruption.
    """
    return _decide_on_many(ids, _requeue, actor, reason)


def dismiss_dead_events(*, ids: Iterable[int], actor: Actor | None, reason: str) -> int:
    """Dismiss the dead ones among these outbox rows. Return how many there were. As `requeue_dead_events` else."""
    return _decide_on_many(ids, _dismiss, actor, reason)


def _decide_on_one(
    event_id: UUID,
    decide: Decision,
    decided: str,
    actor: Actor | None,
    reason: str,
    expected_versions: Collection[int] | None,
) -> OutboxEvent:
    event = OutboxEvent.objects.select_for_update(no_key=True).filter(event_id=event_id).first()
    if event is None:
        raise OutboxEventNotFound("There is no such outbox event.")
    if event.status == EventStatus.DISMISSED:
        raise OutboxEventIsNotDead("The event is DISMISSED, which is final. The audit trail says by whom and why.")
    if event.status != EventStatus.DEAD:
        raise OutboxEventIsNotDead(f"The event is {event.status}; only FAILED events can be {decided}.")
    demand_version(event.version, expected_versions)
    decide([event], actor, _required(reason))
    event.refresh_from_db()
    return event


def _decide_on_many(ids: Iterable[int], decide: Decision, actor: Actor | None, reason: str) -> int:
    reason = _required(reason)
    wanted = list(ids)
    decided = 0
    for start in range(0, len(wanted), DECIDED_AT_ONCE):
        with transaction.atomic():
            events = list(
                OutboxEvent.objects.dead()
                .filter(pk__in=wanted[start : start + DECIDED_AT_ONCE])
                .order_by("id")
                .select_for_update(skip_locked=True)
            )
            if events:
                decide(events, actor, reason)
            decided += len(events)
    return decided


def _required(reason: str) -> str:
    reason = plain(reason)
    if not reason:
        raise InvalidInput("A reason is required: it is kept in the audit trail.", field="reason")
    return reason


def _requeue(events: list[OutboxEvent], actor: Actor | None, reason: str) -> None:
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


def _dismiss(events: list[OutboxEvent], actor: Actor | None, reason: str) -> None:
    OutboxEvent.objects.filter(pk__in=[event.pk for event in events]).update(
        status=EventStatus.DISMISSED, dismissed_at=Now()
    )
    record_all(
        entry_for(
            actor=actor,
            action="OUTBOX_EVENT_DISMISSED",
            entity_type="outbox_event",
            entity_id=event.event_id,
            changes={"status": (event.status, EventStatus.DISMISSED.value)},
            reason=reason,
        )
        for event in events
    )
