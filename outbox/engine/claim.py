"""
Which events a worker takes: the oldest due ones, types in turn, aggregates in order, none that another worker holds.

The first pending event of an aggregate is its head. The lock on the head's row is the lock on the aggregate: only who
holds it may take the events behind it. So workers share the outbox without knowing of each other. A worker that dies
gives its aggregates back with its connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from operator import attrgetter

from outbox.engine.claimed import Claim, ClaimedEvent
from outbox.engine.statements import lock, read_heads
from outbox.models import OutboxEvent
from outbox.tuning import WINDOWS


def claim(limit: int) -> Claim:
    """
    Lock up to `limit` due events until the caller's transaction ends.

    Due means pending, with `next_attempt_at` in the past by the database's clock: the only one that all workers share.
    Events are found by state and never by `id > last seen`: ids commit out of order, and such a cursor loses rows.
    No event comes before an earlier pending one of its aggregate, even if that one waits for a retry. Types and
    aggregates take turns, so that a flood of one does not starve others.
    """
    # All heads in a window may be held by others, or all its rows may lie behind a few. So work may stand farther back.
    for rows, enough in WINDOWS.items():
        read = read_heads(max(rows, 2 * limit))  # twice, so that a second worker finds a batch behind the first's
        heads = _lock_heads(read.ids, limit)
        if len(heads) >= max(1, limit * enough) or not read.more:
            break
    if not heads:
        return Claim(held_by_others=len(read.ids), next_due_seconds=read.next_due_seconds)
    events = heads
    if len(heads) < limit and (read.more or read.due > len(read.ids)):
        events = heads + _lock_followers(heads, limit - len(heads))
    return Claim(events=sorted(events, key=attrgetter("pk")), at=read.at)


def _lock_heads(ids: Sequence[int], limit: int) -> list[ClaimedEvent]:
    """
    Lock heads in their order until there are `limit`.

    Slice by slice, because a statement that locks stops at its LIMIT in the order of ids, which is not theirs. A
    head that another worker has decided on since it was read is not due any more, and left out.
    """
    locked: list[ClaimedEvent] = []
    for start in range(0, len(ids), limit):
        locked += lock(ids[start : start + limit], limit - len(locked))
        if len(locked) == limit:
            break
    return locked


def _lock_followers(heads: Sequence[ClaimedEvent], limit: int) -> list[ClaimedEvent]:
    """
    Lock the events behind these heads, dealt among the aggregates in turn.

    Of each aggregate only those before the first that could not be locked or is not due.

    They are read with a newer snapshot than the heads and under their locks. So it holds all that other workers have
    decided about these aggregates.
    """
    head_of = {head.aggregate: head.pk for head in heads}
    rows = (
        OutboxEvent.objects.pending()
        .filter(
            aggregate_type__in={kind for kind, _ in head_of},
            aggregate_id__in={key for _, key in head_of},
            id__gt=min(head_of.values()),
        )
        .order_by("id")
        .values_list("pk", "aggregate_type", "aggregate_id")[: 2 * limit]
    )
    queues: dict[tuple[str, str], list[int]] = {}
    for pk, kind, key in rows:
        if pk > head_of.get((kind, key), pk):
            queues.setdefault((kind, key), []).append(pk)
    dealt = sorted((place, pk) for queue in queues.values() for place, pk in enumerate(queue))
    wanted = [pk for _, pk in dealt[:limit]]
    locked = {event.pk: event for event in lock(wanted, limit)} if wanted else {}
    return [locked[pk] for queue in queues.values() for pk in takewhile(locked.__contains__, queue)]
