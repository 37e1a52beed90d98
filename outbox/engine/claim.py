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
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import BigIntegerField, Func, Value
from django.db.models.fields.json import KeyTextTransform

from outbox.engine.prepared import array_literal, prepared_cursor
from outbox.engine.statements import Heads, read_heads
from outbox.models import OutboxEvent

# How many rows of a type are looked at for heads, in batch sizes, and which share of a batch makes them enough: a few
# for the common case, then more, because the first rows may all lie behind one head, and that head may wait for a
# retry or be in the hands of another worker.
WINDOWS = {10: 0.25, 64: 0.0, 4096: 0.0}
HEADS_READ = 8  # in batch sizes
HEADS_KEPT_SECONDS = 0.1
LEAST_WINDOW = 100  # rows: what a window is a multiple of, for however small a batch
FOLLOWERS_READ = 10  # rows read for one that is taken, while looking for followers


class ClaimedEvent(NamedTuple):
    """
    A locked event, with what its handlers need to know.

    `turn` is its `next_attempt_at` in microseconds: every decision about the event and every requeue change it, so
    that together with the id it names one turn of one event, which never comes back.
    """

    pk: int
    event_id: UUID
    event_type: str
    aggregate_type: str
    aggregate_id: str
    stored_payload: Any
    request_id: str | None
    attempts: int
    turn: int
    occurred_at: datetime

    @property
    def aggregate(self) -> tuple[str, str]:
        return (self.aggregate_type, self.aggregate_id)

    @property
    def payload(self) -> Any:
        """
        Decode the payload, which fails for one that no version of this code can have published (too deep, too long).

        So it is left to who handles the event: what is wrong with one must not end the claim of a hundred.
        """
        return json.loads(self.stored_payload) if isinstance(self.stored_payload, str) else self.stored_payload


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


class Claimer:
    """
    Claims for one worker; under a backlog it reads the heads for several batches at once.

    A head that was read stays a head while it is pending, unless a dead event before it is requeued; so a list of them
    may be a little old: what other workers have decided meanwhile shows when the rows are locked. It is kept for
    HEADS_KEPT_SECONDS only, so that events of other types, retries and requeued events get their turn.
    """

    def __init__(self) -> None:
        self._slices: list[list[int]] = []
        self._read = Heads(None, [], False, 0, None)
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
            # What this transaction has locked already is found again, for its own locks do not stop it. And since it
            # was locked, an earlier event of its aggregate may have come back by a requeue: that one is the head now.
            heads: dict[tuple[str, str], ClaimedEvent] = {}
            for event in sorted([*locked, *self._lock_heads(limit)], key=_by_id):
                heads.setdefault(event.aggregate, event)
            locked = list(heads.values())[:limit]
            if not self._read.more or len(locked) >= max(1, limit * enough):
                break
        if not locked:
            return Claim(contended=len(self._read.ids), next_due_seconds=self._read.next_due_seconds)
        if len(locked) < limit and (self._read.more or self._read.due > len(self._read.ids)):
            locked += _lock_followers(locked, limit - len(locked))
        locked.sort(key=_by_id)
        age = timedelta(seconds=time.monotonic() - self._read_at)
        return Claim(events=locked, at=self._read.at + age if self._read.at else None)

    def forget(self) -> None:
        """Read anew for the next claim: what was locked has been rolled back, and belongs to the heads again."""
        self._slices = []

    def _read_heads(self, limit: int, window: int) -> None:
        self._read = read_heads(max(limit, LEAST_WINDOW) * window, limit * HEADS_READ)
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
        cursor.execute(sql, [array_literal(ids) if parameter is _IDS else parameter for parameter in parameters])
        return [_claimed(*row) for row in cursor.fetchall()]


def _claimed(
    pk: int, event_id: UUID, event_type: str, aggregate_type: str, aggregate_id: str, payload: str,
    request_id: str | None, attempts: int, turn: int, occurred: int,
) -> ClaimedEvent:  # fmt: skip
    occurred_at = _EPOCH + timedelta(microseconds=occurred)
    return ClaimedEvent(
        pk, event_id, event_type, aggregate_type, aggregate_id, payload, request_id, attempts, turn, occurred_at
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
            _Microseconds("next_attempt_at") if on_postgres else Value(0),
            _Microseconds("occurred_at") if on_postgres else "occurred_at",
        )
    )  # fmt: skip


class _Microseconds(Func):
    """A time as microseconds since 1970: the driver needs five times as long for a timestamp as for a number."""

    template = "(extract(epoch FROM %(expressions)s) * 1000000)::bigint"
    output_field = BigIntegerField()


_by_id = attrgetter("pk")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_IDS: list[int] = [0]


@cache
def _lock_statement(limit: int) -> tuple[str, tuple[Any, ...]]:
    """Return the SQL of `_lockable` with _IDS among its parameters: Django needs as long to write it as to run it."""
    sql, parameters = _lockable(_IDS)[:limit].query.sql_with_params()
    return sql, tuple(_IDS if parameter == _IDS else parameter for parameter in parameters)
