"""What a person may do about what leaves: send events again, put a message back that was put aside, or dismiss it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from audit.services import Actor, entry_for, record, record_all
from outbox.choices import OutgoingState
from outbox.models import OutboxEvent, Outgoing
from outbox.outgoing import BROKER, enqueue_all
from qhse.errors import InvalidInput, demand_version
from qhse.text import plain
from qhse.wakeup import wake_workers


@dataclass(frozen=True, slots=True)
class Selection:
    """
    Which events are sent again: those that fit all that is given. Times are of their publishing.

    Raises InvalidInput for a period that does not end after it begins: it would choose nothing, and look like success.
    """

    since: datetime | None = None
    until: datetime | None = None
    event_type: str = ""
    aggregate: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        if self.since and self.until and self.until <= self.since:
            raise InvalidInput("The period is empty: until must be later than since.", field="until")

    def events(self) -> QuerySet[OutboxEvent]:
        """Return them. What was pruned is not among them."""
        events = OutboxEvent.objects.order_by("pk")
        if self.since:
            events = events.filter(created_at__gte=self.since)
        if self.until:
            events = events.filter(created_at__lt=self.until)
        if self.event_type:
            events = events.filter(event_type=self.event_type)
        if self.aggregate:
            events = events.filter(aggregate_type=self.aggregate[0], aggregate_id=self.aggregate[1])
        return events


@transaction.atomic
def replay(
    selection: Selection, *, actor: Actor | None, reason: str, progress: Callable[[int], object] = lambda number: None
) -> int:
    """
    Send these events to the broker again, under their ids, and return how many there are.

    They leave behind what has to leave already, with `qhse_replay` as a header. All of them and an audit entry with the
    reason are stored together, or nothing. Raises InvalidInput without a broker or a reason, and for a selection of
    everything.
    """
    if not settings.BROKER_URL:
        raise InvalidInput("There is no broker: set BROKER_URL.", field="channel")
    reason = _required(reason)
    if selection == Selection():
        raise InvalidInput("Say which events: by time, type or record.", field="selection")
    entry = record(
        actor=actor, action="EVENTS_REPLAYED", entity_type="outbox_replay", entity_id=BROKER, reason=reason,
        changes={
            "channel": (None, BROKER),
            "since": (None, selection.since),
            "until": (None, selection.until),
            "event_type": (None, selection.event_type),
            "aggregate": (None, "/".join(selection.aggregate) if selection.aggregate else ""),
        },
    )  # fmt: skip
    number = 0
    for stored in enqueue_all(BROKER, selection.events(), replay=entry.pk):
        number += stored
        progress(stored)
    wake_workers()
    return number


def requeue_messages(
    *, ids: Iterable[int], actor: Actor | None, reason: str, expected_versions: Collection[int] | None = None
) -> int:
    """
    Let these rows leave again that were put aside, with their attempts counted anew. Return how many there were.

    Later events of their aggregates may have left meanwhile. Receivers see that by the sequence. Each has an audit
    entry with the reason and the last error, stored together with it. Raises InvalidInput without a reason, and
    RecordHasChanged when one of them is not as it was seen.
    """

    def requeue(rows: QuerySet[Outgoing]) -> None:
        rows.update(state=OutgoingState.FRESH, attempts=0, last_error="")
        wake_workers()

    return _decide(ids, requeue, "MESSAGE_REQUEUED", actor, reason, expected_versions)


def dismiss_messages(
    *, ids: Iterable[int], actor: Actor | None, reason: str, expected_versions: Collection[int] | None = None
) -> int:
    """Never send these rows that were put aside. Nobody can take that back. As `requeue_messages` else."""
    return _decide(ids, lambda rows: rows.delete(), "MESSAGE_DISMISSED", actor, reason, expected_versions)


@transaction.atomic
def _decide(
    ids: Iterable[int],
    decide: Callable[[QuerySet[Outgoing]], object],
    action: str,
    actor: Actor | None,
    reason: str,
    expected_versions: Collection[int] | None,
) -> int:
    reason = _required(reason)
    aside = Outgoing.objects.filter(pk__in=list(ids), state=OutgoingState.ASIDE).order_by("pk")
    rows = list(aside.select_for_update(skip_locked=True))
    for row in rows:
        demand_version(row.version, expected_versions)
    events = dict(OutboxEvent.objects.filter(pk__in=[row.event for row in rows]).values_list("pk", "event_id"))
    decide(Outgoing.objects.filter(pk__in=[row.pk for row in rows]))
    record_all(
        entry_for(
            actor=actor, action=action, entity_type="outbox_event", reason=reason,
            entity_id=events.get(row.event, row.event),  # somebody may have deleted the event by hand
            changes={"channel": (None, row.channel), "attempts": (row.attempts, 0), "last_error": (row.last_error, "")},
        )
        for row in rows
    )  # fmt: skip
    return len(rows)


def _required(reason: str) -> str:
    reason = plain(reason)
    if not reason:
        raise InvalidInput("A reason is required: it is kept in the audit trail.", field="reason")
    return reason
