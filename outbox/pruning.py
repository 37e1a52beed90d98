"""
Pruning removes events that were processed or dismissed long ago. The record of who handled them goes too. It works
batch by batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Exists, Max, Min, OuterRef, Q

from outbox.choices import EventStatus
from outbox.models import OutboxEvent, OutboxEventQuerySet, Outgoing, ProcessedEvent
from qhse.database import database_time

PRUNE_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class PruneProgress:
    """
    What one committed batch did. It looked at `passed` of this run's `total` ids. The number of events gone is
    `removed`.
    """

    removed: int
    passed: int
    total: int


def count_prunable(*, older_than_days: int) -> int:
    """Return how many events `prune_processed` would remove. Events that somebody else holds count too."""
    return _prunable(database_time() - timedelta(days=older_than_days)).count()


def prune_processed(*, older_than_days: int, batch_size: int = PRUNE_BATCH) -> Iterator[PruneProgress]:
    """
    Remove events that were processed, or dismissed, more than so many days ago. The database's clock at the first step
    decides.

    Yields after each batch. An event and its ProcessedEvent rows are removed together. Each batch commits for itself.
    Broken off anywhere, whole batches are gone, and a later run does the rest. Pending events are never removed. Dead
    ones neither: they keep their ProcessedEvent rows. So no handler runs again after a requeue. What has not left yet
    for a broker or another receiver stays too. Rows that somebody else holds, such as another pruner, are passed over
    without waiting. On SQLite, where no relay runs, nothing is spared for one.
    """
    before = database_time() - timedelta(days=older_than_days)
    bounds = OutboxEvent.objects.aggregate(first=Min("id"), last=Max("id"))
    if bounds["first"] is None:
        return
    position, last = bounds["first"] - 1, bounds["last"]
    total = last - position
    while (end := _end_of_window(position, last, batch_size)) is not None:
        with transaction.atomic():
            removed = _remove(position, end, before)
        yield PruneProgress(removed=removed, passed=end - position, total=total)
        position = end


def _prunable(before: datetime) -> OutboxEventQuerySet:
    processed = Q(status=EventStatus.PROCESSED, processed_at__lt=before)
    dismissed = Q(status=EventStatus.DISMISSED, dismissed_at__lt=before)
    events = OutboxEvent.objects.filter(processed | dismissed)
    if connection.vendor != "postgresql":
        return events  # no relay runs there: what would have to leave never does
    return events.exclude(Exists(Outgoing.objects.filter(event=OuterRef("id"))))


def _end_of_window(position: int, last: int, size: int) -> int | None:
    """
    Return the id of the `size`-th event behind this one. With fewer up to `last`, return the id of the last of them.
    With none, return None.

    The table is walked once, by the primary key, window after window. An index on the time of processing would cost
    with every event that is handled. So each statement is short, whatever the planner believes. It may not have looked
    at the table for long. Entries of removed rows are not read again.
    """
    window = OutboxEvent.objects.filter(id__gt=position, id__lte=last).order_by("id").values("id")[:size]
    end: int | None = window.aggregate(end=Max("id"))["end"]
    return end


def _remove(position: int, end: int, before: datetime) -> int:
    if connection.vendor != "postgresql":
        # One writer at a time, so the second statement finds the rows of the first.
        events = _prunable(before).filter(id__gt=position, id__lte=end)
        ProcessedEvent.objects.filter(event_id__in=events.values("event_id")).delete()
        Outgoing.objects.filter(event__in=events.values("id")).delete()
        return events.delete()[0]
    with connection.cursor() as cursor:
        # Without statistics, as after a restore, the planner would read all of ProcessedEvent for each batch.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(_REMOVE, {"position": position, "end": end, "before": before})
        removed: int = cursor.fetchone()[0]
    return removed


# Only who holds an event's row touches its ProcessedEvent rows, so that deleting them waits for nobody. ARRAY(…) and
# not a join: whatever the planner believes, the rows are then found by the primary keys.
_REMOVE = f"""
WITH due AS MATERIALIZED (
    SELECT id, event_id FROM outbox_outboxevent
    WHERE id > %(position)s AND id <= %(end)s
    AND ((status = '{EventStatus.PROCESSED}' AND processed_at < %(before)s)
        OR (status = '{EventStatus.DISMISSED}' AND dismissed_at < %(before)s))
    AND NOT EXISTS (SELECT FROM outbox_outgoing o WHERE o.event = outbox_outboxevent.id)
    ORDER BY id FOR UPDATE SKIP LOCKED
), forgotten AS (
    DELETE FROM outbox_processedevent WHERE event_id = ANY (ARRAY (SELECT event_id FROM due))
), removed AS (
    DELETE FROM outbox_outboxevent WHERE id = ANY (ARRAY (SELECT id FROM due)) RETURNING id
)
SELECT count(*) FROM removed
"""  # nosec B608: only constants are put in
