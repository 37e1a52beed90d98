"""
Which events a worker takes: the oldest due ones, types in turn, aggregates in order, none that another worker holds.

The first pending event of an aggregate is its head, and the lock on the head's row is the lock on the aggregate:
only who holds it may take the events behind it. So workers share the outbox without knowing of each other, and a
worker that dies gives its aggregates back with its connection.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import BigIntegerField, F, Func
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Now
from django.utils import timezone

from outbox.choices import EventStatus
from outbox.models import OutboxEvent
from outbox.prepared import prepared_cursor

# How many rows of a type are looked at for heads, in batch sizes, and which share of a batch makes them enough: a few
# for the common case, then more, because the first rows may all lie behind one head, and that head may wait for a
# retry or be in the hands of another worker.
WINDOWS = {10: 0.25, 64: 0.0, 4096: 0.0}
HEADS_READ = 8  # in batch sizes
HEADS_KEPT_SECONDS = 0.1
FOLLOWERS_READ = 10  # rows read for one that is taken, while looking for followers


class ClaimedEvent(NamedTuple):
    """A locked event, with what its handlers need to know."""

    pk: int
    event_id: UUID
    event_type: str
    aggregate_type: str
    aggregate_id: str
    payload: Any
    request_id: str | None
    attempts: int
    occurred_at: datetime

    @property
    def aggregate(self) -> tuple[str, str]:
        return (self.aggregate_type, self.aggregate_id)


@dataclass(frozen=True, slots=True)
class Claim:
    """
    Events in the order of their ids, locked at `at` by the database's clock.

    `contended` counts heads that are due and that another worker holds; `next_due_seconds` says when the next
    event that waits for a retry is due, None when there is none.
    """

    events: list[ClaimedEvent] = field(default_factory=list)
    at: datetime | None = None
    contended: int = 0
    next_due_seconds: float | None = None


class _Heads(NamedTuple):
    at: datetime | None
    ids: list[int]
    more: bool
    next_due_seconds: float | None


class Claimer:
    """
    Claims for one worker; under a backlog it reads the heads for several batches at once.

    A head that was read stays a head while it is pending, so a list of them may be a little old: what other workers
    have decided meanwhile shows when the rows are locked. It is kept for HEADS_KEPT_SECONDS only, so that events of
    other types and retries get their turn.
    """

    def __init__(self) -> None:
        self._slices: list[list[int]] = []
        self._read = _Heads(None, [], False, None)
        self._read_at = float("-inf")

    def claim(self, limit: int) -> Claim:
        """
        Lock up to `limit` due events until the caller's transaction ends.

        Due means pending with `next_attempt_at` in the past by the database's clock, the only one that all workers
        share. Events are found by state and never by `id > last seen`: ids commit out of order, and such a cursor
        loses rows. No event comes before an earlier pending one of its aggregate, be it one that waits for a retry.
        Among types and among aggregates the places are dealt in turn, so that a flood of one does not starve others.
        """
        if time.monotonic() - self._read_at > HEADS_KEPT_SECONDS:
            self.forget()
        locked = self._lock_heads(limit)
        for window, enough in WINDOWS.items():
            if len(locked) >= max(1, limit // 2):
                break
            self._read_heads(limit, window)
            # What this transaction has locked already is found again, and counted once.
            locked = list({event.pk: event for event in [*locked, *self._lock_heads(limit)]}.values())[:limit]
            if not self._read.more or len(locked) >= max(1, limit * enough):
                break
        if not locked:
            return Claim(contended=len(self._read.ids), next_due_seconds=self._read.next_due_seconds)
        if len(locked) < limit:
            locked += _lock_followers(locked, limit - len(locked))
        locked.sort()
        age = timedelta(seconds=time.monotonic() - self._read_at)
        return Claim(events=locked, at=self._read.at + age if self._read.at else None)

    def forget(self) -> None:
        """Read anew for the next claim: what was locked has been rolled back, and belongs to the heads again."""
        self._slices = []

    def _read_heads(self, limit: int, window: int) -> None:
        self._read = _heads(limit * window, limit * HEADS_READ)
        self._read_at = time.monotonic()
        ids = self._read.ids
        self._slices = [ids[start : start + limit] for start in range(0, len(ids), limit)]

    def _lock_heads(self, limit: int) -> list[ClaimedEvent]:
        """
        Lock heads in their order until there are `limit`.

        Slice by slice, because a statement that locks stops at its LIMIT in the order of ids, which is not that of
        the turns. A head that another worker has finished or put off since it was read is not due any more, and
        left out.
        """
        locked: list[ClaimedEvent] = []
        while self._slices and len(locked) < limit:
            wanted = self._slices.pop(0)
            found = _lock(wanted, limit - len(locked))
            if len(found) < len(wanted) // 2:
                # Another worker is ahead of this one on the same list: not in its footsteps.
                random.shuffle(self._slices)
            locked += found
        return locked


def claim(limit: int) -> Claim:
    """Lock up to `limit` due events, as `Claimer.claim`, with heads read for this claim alone."""
    return Claimer().claim(limit)


def _heads(window: int, wanted: int) -> _Heads:
    """Return the ids of `wanted` heads that are due, in the order in which to take them; nothing is locked yet."""
    if connection.vendor != "postgresql":
        due = OutboxEvent.objects.due().without_predecessor().order_by("next_attempt_at", "id")
        waiting = OutboxEvent.objects.pending().filter(next_attempt_at__gt=Now()).order_by("next_attempt_at")
        wait = waiting.values_list(F("next_attempt_at") - Now(), flat=True).first()
        return _Heads(
            timezone.now(), list(due.values_list("pk", flat=True)[:wanted]), False, wait and wait.total_seconds()
        )
    with prepared_cursor() as cursor:
        cursor.execute(_HEADS, {"window": window, "wanted": wanted})
        return _Heads(*cursor.fetchone())


# The types are found by hopping along the index (PostgreSQL knows no skip scan before 18). Of each type the rows that
# have been due longest are read; those which are heads take turns with the heads of other types. Whether a row is the
# head is asked row by row, with a LIMIT that keeps the planner from joining the whole backlog instead.
_HEADS = f"""
WITH RECURSIVE kind (event_type) AS (
    (SELECT event_type FROM outbox_outboxevent WHERE status = '{EventStatus.PENDING}' ORDER BY event_type LIMIT 1)
    UNION ALL
    SELECT (SELECT e.event_type FROM outbox_outboxevent e
            WHERE e.status = '{EventStatus.PENDING}' AND e.event_type > kind.event_type
            ORDER BY e.event_type LIMIT 1)
    FROM kind WHERE kind.event_type IS NOT NULL
), due AS MATERIALIZED (
    SELECT d.* FROM kind CROSS JOIN LATERAL (
        SELECT o.*, row_number() OVER (ORDER BY o.next_attempt_at, o.id) AS turn FROM (
            SELECT e.id, e.aggregate_type, e.aggregate_id, e.next_attempt_at FROM outbox_outboxevent e
            WHERE e.status = '{EventStatus.PENDING}' AND e.event_type = kind.event_type
            AND e.next_attempt_at <= statement_timestamp()
            ORDER BY e.next_attempt_at, e.id LIMIT %(window)s
        ) o
    ) d
)
SELECT
    statement_timestamp(),
    ARRAY(
        SELECT in_turn.id FROM (SELECT * FROM due ORDER BY turn, id OFFSET 0) in_turn
        WHERE in_turn.id = (
            SELECT p.id FROM outbox_outboxevent p
            WHERE p.status = '{EventStatus.PENDING}' AND p.aggregate_type = in_turn.aggregate_type
            AND p.aggregate_id = in_turn.aggregate_id ORDER BY p.id LIMIT 1
        )
        LIMIT %(wanted)s
    ),
    coalesce((SELECT max(due.turn) FROM due) >= %(window)s, false),
    (SELECT extract(epoch FROM min(w.next_attempt_at) - statement_timestamp())::float8
     FROM kind CROSS JOIN LATERAL (
        SELECT e.next_attempt_at FROM outbox_outboxevent e
        WHERE e.status = '{EventStatus.PENDING}' AND e.event_type = kind.event_type
        AND e.next_attempt_at > statement_timestamp()
        ORDER BY e.next_attempt_at LIMIT 1
     ) w)
"""  # nosec B608: only constants are put in


def _lock_followers(heads: Sequence[ClaimedEvent], limit: int) -> list[ClaimedEvent]:
    """
    Lock the events behind these heads, each aggregate's without a gap, dealt among the aggregates in turn.

    Read with a newer snapshot than the heads and under their locks, so it holds all that other workers have
    decided about these aggregates.
    """
    aggregates = {head.aggregate: head.pk for head in heads}
    behind = (
        OutboxEvent.objects.pending()
        .filter(
            aggregate_type__in={kind for kind, _ in aggregates},
            aggregate_id__in={key for _, key in aggregates},
            id__gt=min(aggregates.values()),
        )
        .exclude(id__in=aggregates.values())
        .order_by("id")
        .values_list("pk", "aggregate_type", "aggregate_id")[: limit * FOLLOWERS_READ]
    )
    queues: dict[tuple[str, str], list[int]] = {}
    for pk, kind, key in behind:
        if pk > aggregates.get((kind, key), pk):
            queues.setdefault((kind, key), []).append(pk)
    turns = sorted((turn, pk) for queue in queues.values() for turn, pk in enumerate(queue))
    wanted = [pk for _, pk in turns[:limit]]
    locked = {event.pk: event for event in _lock(wanted, limit)} if wanted else {}
    return [locked[pk] for queue in queues.values() for pk in _without_gap(queue, locked)]


def _without_gap(queue: Sequence[int], locked: dict[int, Any]) -> Sequence[int]:
    """Return the part of the queue before the first event that could not be locked or is not due."""
    for position, pk in enumerate(queue):
        if pk not in locked:
            return queue[:position]
    return queue


def _lock(ids: Sequence[int], limit: int) -> list[ClaimedEvent]:
    if connection.vendor != "postgresql":
        return [ClaimedEvent(*row) for row in _lockable(ids)[:limit]]
    sql, parameters = _lock_statement(limit)
    with prepared_cursor() as cursor:
        cursor.execute(sql, [list(ids) if parameter is _IDS else parameter for parameter in parameters])
        return [_claimed(*row) for row in cursor.fetchall()]


def _claimed(
    pk: int, event_id: UUID, event_type: str, aggregate_type: str, aggregate_id: str, payload: str,
    request_id: str | None, attempts: int, occurred: int,
) -> ClaimedEvent:  # fmt: skip
    occurred_at = _EPOCH + timedelta(microseconds=occurred)
    return ClaimedEvent(
        pk, event_id, event_type, aggregate_type, aggregate_id, json.loads(payload), request_id, attempts, occurred_at
    )


def _lockable(ids: Sequence[int]) -> Any:
    """Return the query that locks those of the rows that are due and free, oldest first."""
    on_postgres = connection.vendor == "postgresql"
    return (
        OutboxEvent.objects.due()
        .with_ids(ids)
        .order_by("id")
        .select_for_update(skip_locked=True, of=("self",))
        .values_list(
            "pk", "event_id", "event_type", "aggregate_type", "aggregate_id", "payload",
            KeyTextTransform("request_id", "headers"), "attempts",
            _Microseconds("occurred_at") if on_postgres else "occurred_at",
        )
    )  # fmt: skip


class _Microseconds(Func):
    """A time as microseconds since 1970: the driver needs five times as long for a timestamp as for a number."""

    template = "(extract(epoch FROM %(expressions)s) * 1000000)::bigint"
    output_field = BigIntegerField()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_IDS: list[int] = [0]


@cache
def _lock_statement(limit: int) -> tuple[str, tuple[Any, ...]]:
    """Return the SQL of `_lockable` with _IDS among its parameters: Django needs as long to write it as to run it."""
    sql, parameters = _lockable(_IDS)[:limit].query.sql_with_params()
    return sql, tuple(_IDS if parameter == _IDS else parameter for parameter in parameters)
