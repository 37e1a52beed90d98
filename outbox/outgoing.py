"""Deciding that an event has to leave. It is an insert in the transaction of the decision; the relay does the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Protocol

from django.db import connection
from django.db.models import QuerySet

from outbox.models import OutboxEvent, Outgoing
from qhse.queries import WrittenInsert

BROKER = "broker"
LANES = 8
"""
Parts of what leaves, each sent by one relay at a time: so many relays can share the work. Another number would tear
aggregates out of their lanes: drain first.
"""
CHUNK = 1_000


class Event(Protocol):
    """What is needed of an event. An OutboxEvent has this shape; `pk` is its id in the outbox."""

    pk: int
    aggregate_type: str
    aggregate_id: str


def enqueue(channel: str, events: Sequence[Event], *, lane: int | None = None, replay: int = 0) -> None:
    """
    Store in the caller's transaction that these events have to leave by this channel, in this order.

    Whoever calls it for events of one aggregate at a time holds what orders them: the lock of its row, or the worker's
    hold on the aggregate. Without a `lane`, the aggregates are spread over all. Raises IntegrityError for an event that
    is on its way by this channel already.
    """
    rows = [_row(channel, event, lane, replay) for event in events]
    if len(rows) == 1:
        _new_row.insert(rows[0])
    else:
        Outgoing.objects.bulk_create(rows, batch_size=CHUNK)


def enqueue_all(channel: str, events: QuerySet[OutboxEvent], *, replay: int) -> Iterable[int]:
    """
    Store the same of all these events, in the order of the outbox. Yields how many were stored, chunk by chunk.

    They are locked against pruning until the caller's transaction ends. What was pruned meanwhile is left out.
    """
    ordered = events.only("pk", "aggregate_type", "aggregate_id").order_by("pk").iterator(chunk_size=CHUNK)
    while chunk := list(islice(ordered, CHUNK)):
        there = _held([event.pk for event in chunk])
        kept = [event for event in chunk if event.pk in there]
        enqueue(channel, kept, replay=replay)
        yield len(kept)


def _held(ids: list[int]) -> set[int]:
    """Lock events that are there, and return their ids. Workers, who change no key, are not held up."""
    if connection.vendor != "postgresql":
        return set(ids)
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM outbox_outboxevent WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE", [ids])
        return {pk for (pk,) in cursor.fetchall()}


def key_of(aggregate_type: str, aggregate_id: str) -> int:
    """Return the number that stands for an aggregate. It is stored, so it is the same in every process and version."""
    digest = blake2b(f"{aggregate_type}\n{aggregate_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def _row(channel: str, event: Event, lane: int | None, replay: int) -> Outgoing:
    key = key_of(event.aggregate_type, event.aggregate_id)
    return Outgoing(
        channel=channel, lane=key % LANES if lane is None else lane, key=key, event=event.pk, replay=replay
    )  # fmt: skip


_new_row = WrittenInsert(Outgoing)
