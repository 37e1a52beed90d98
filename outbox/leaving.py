"""What leaves for other systems, seen from outside: how much waits, since when, and whether relays are there."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.db.models import Min
from django.db.models.functions import Now

from outbox.choices import OutgoingState
from outbox.models import OutboxEvent, Outgoing
from outbox.selectors import LATE_SECONDS

LOCKS = 0x71687365
"""The first number of the relays' advisory locks; others of this database must use another one."""
PRESENCE = 1_000
"""The second number of the lock that every relay shares: how many hold it is how many relays there are."""
# `database`: locks of other databases on the server are shown too. `objsubid` 2 marks locks of two numbers.
HOLDERS = """
SELECT objid::bigint, pid = pg_backend_pid() FROM pg_locks
WHERE locktype = 'advisory' AND granted AND classid::bigint = %s AND objsubid = 2
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
COUNTED_AT_MOST = 100_000
"""Messages that are counted: 15 ms. Whether there are more changes nothing for who is told."""


@dataclass(frozen=True, slots=True)
class LeavingStatus:
    """
    What has not left yet for the broker and other receivers.

    Of what is `waiting` at most COUNTED_AT_MOST are counted. The event that has waited longest was published
    `oldest_seconds` ago. Null when none waits. What was put aside waits for a person. `relays` are connected: the
    server ends the lock of one that is gone, and no frozen one's.
    """

    waiting: int
    put_aside: int
    oldest_seconds: float | None
    relays: int

    @property
    def is_late(self) -> bool:
        return (self.oldest_seconds or 0.0) > LATE_SECONDS


def leaving_status() -> LeavingStatus:
    """Return it, by the database's clock. Its cost is bounded, however much waits."""
    waiting = Outgoing.objects.exclude(state=OutgoingState.ASIDE).order_by("id")
    aside = Outgoing.objects.filter(state=OutgoingState.ASIDE).count()
    first = waiting.values_list("event", flat=True).first()
    if first is None:
        return LeavingStatus(0, aside, None, _relays())
    oldest = OutboxEvent.objects.filter(pk=first).aggregate(age=Now() - Min("created_at"))["age"]
    age = None if oldest is None else max(0.0, round(oldest.total_seconds(), 3))
    return LeavingStatus(waiting[:COUNTED_AT_MOST].count(), aside, age, _relays())


def _relays() -> int:
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute(HOLDERS, [LOCKS])
        return sum(number == PRESENCE for number, _ in cursor.fetchall())
