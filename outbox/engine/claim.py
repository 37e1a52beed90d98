"""
Which events a worker takes. The oldest due ones come first. Types take turns, and aggregates keep their order. What
another worker holds is passed over.

The first pending event of an aggregate is its head. The lock on the head's row is the lock on the aggregate. Only its
holder may take the events behind it. So workers share the outbox without knowing of each other. A worker that dies
gives its aggregates back with its connection.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import takewhile
from operator import attrgetter

from outbox.engine.claimed import Claim, ClaimedEvent
from outbox.engine.statements import NOTHING_READ, lock, read_heads
from outbox.models import OutboxEvent
from outbox.tuning import HEADS_KEPT_SECONDS, WINDOWS

AHEAD = min(WINDOWS)  # batches of heads that one reading brings; and of rows that are read for one of followers
LEAST = 100  # rows: the batch that a window is a multiple of, however small the worker's are

_by_id = attrgetter("pk")


class Claimer:
    """
    Claims for one worker. Under a backlog one reading of heads serves several batches.

    A head stays a head until it is decided, or a dead event before it is requeued. So the list may be stale. Locking a
    row shows whether it still counts. The list is kept for HEADS_KEPT_SECONDS. Then other types, retries and requeued
    events get their turn.
    """

    def __init__(self) -> None:
        self._slices: list[Sequence[int]] = []
        self._read = NOTHING_READ
        self._read_at = float("-inf")

    def claim(self, limit: int) -> Claim:
        """
        Lock up to `limit` due events until the caller's transaction ends.

        Due means pending, with `next_attempt_at` in the past. The database's clock decides: all workers share only that
        one. Events are found by state and never by `id > last seen`. Ids commit out of order, and such a cursor loses
        rows. No event comes before an earlier pending one of its aggregate. This holds even if that one waits for a
        retry. Types and aggregates take turns. So a flood of one does not starve others.
        """
        if time.monotonic() - self._read_at > HEADS_KEPT_SECONDS:
            self.forget()
        heads = self._lock_heads(limit)
        # All heads in a window may be held by others, or all its rows may lie behind a few. So work may stand farther
        # back.
        for batches, enough in WINDOWS.items():
            if len(heads) >= max(1, limit // 2):
                break
            self._read_heads(limit, batches)
            # This transaction's own locks do not stop it: it finds again what it has locked. And an earlier event of
            # an aggregate may have come back by a requeue since: that one is the head now.
            heads = _first_of_each([*heads, *self._lock_heads(limit)])[:limit]
            if not self._read.more or len(heads) >= max(1, limit * enough):
                break
        if not heads:
            return Claim(held_by_others=len(self._read.ids), next_due_seconds=self._read.next_due_seconds)
        events = heads
        if len(heads) < limit and (self._read.more or self._read.due > len(self._read.ids)):
            events = heads + _lock_followers(heads, limit - len(heads))
        age = timedelta(seconds=time.monotonic() - self._read_at)
        return Claim(events=sorted(events, key=_by_id), at=self._read.at + age)

    def forget(self) -> None:
        """Read anew for the next claim. What was locked has been rolled back. It belongs to the heads again."""
        self._slices = []

    def _read_heads(self, limit: int, batches: int) -> None:
        self._read = read_heads(max(limit, LEAST) * batches, limit * AHEAD)
        self._read_at = time.monotonic()
        self._slices = [self._read.ids[start : start + limit] for start in range(0, len(self._read.ids), limit)]

    def _lock_heads(self, limit: int) -> list[ClaimedEvent]:
        """
        Lock heads in their order until there are `limit`.

        They are locked slice by slice. A statement that locks stops at its LIMIT in the order of ids. That is not the
        order of the heads. Another worker may have decided on a head since it was read. Such a head is not due any
        more, and left out.
        """
        locked: list[ClaimedEvent] = []
        while self._slices and len(locked) < limit:
            wanted = self._slices.pop(0)
            found = lock(wanted, limit - len(locked))
            if len(found) < len(wanted) // 2:
                # Another worker is ahead of this one on the same list: not in its footsteps.
                random.shuffle(self._slices)
            locked += found
        return locked


def _first_of_each(events: Iterable[ClaimedEvent]) -> list[ClaimedEvent]:
    """Return the first event of each aggregate."""
    first: dict[tuple[str, str], ClaimedEvent] = {}
    for event in sorted(events, key=_by_id):
        first.setdefault(event.aggregate, event)
    return list(first.values())


def _lock_followers(heads: Sequence[ClaimedEvent], limit: int) -> list[ClaimedEvent]:
    """
    Lock the events behind these heads, dealt among the aggregates in turn.

    An event that could not be locked, or is not due, bars its aggregate. Neither it nor what follows it is returned.

    They are read under the heads' locks and with a newer snapshot. So it holds all that other workers have decided
    about these aggregates.
    """
    head_of = {head.aggregate: head.pk for head in heads}
    rows = (
        OutboxEvent.objects.pending()
        .filter(
            aggregate_type__in={kind for kind, _ in head_of},
            aggregate_id__in={key for _, key in head_of},
            id__gt=min(head_of.values()),
        )
        .exclude(id__in=head_of.values())
        .order_by("id")
        .values_list("pk", "aggregate_type", "aggregate_id")[: AHEAD * limit]
    )
    queues: dict[tuple[str, str], list[int]] = {}
    for pk, kind, key in rows:
        if pk > head_of.get((kind, key), pk):
            queues.setdefault((kind, key), []).append(pk)
    dealt = sorted((place, pk) for queue in queues.values() for place, pk in enumerate(queue))
    wanted = [pk for _, pk in dealt[:limit]]
    locked = {event.pk: event for event in lock(wanted, limit)} if wanted else {}
    return [locked[pk] for queue in queues.values() for pk in takewhile(locked.__contains__, queue)]
