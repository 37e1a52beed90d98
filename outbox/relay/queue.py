"""The relay's side of what has to leave: what may be sent now, and what became of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Min
from django.db.models.functions import Now

from outbox.choices import OutgoingState
from outbox.models import Outgoing
from qhse.foreign_text import store_foreign

logger = logging.getLogger("outbox.relay")

ERROR_LIMIT = 500
MOST_WAIT = 60.0
"""Seconds that a row waits at most. One that would wait longer was put off by a clock that was ahead: it is due."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """
    One row that may be sent now, with its event. The `sequence` is the event's id in the outbox: it grows with each
    event of an aggregate. The `payload` is the JSON text as the database writes it.
    """

    row: int
    channel: str
    lane: int
    key: int
    attempts: int
    replay: int
    sequence: int
    event_id: UUID
    event_type: str
    schema_version: int
    aggregate_type: str
    aggregate_id: str
    payload: str
    headers: Mapping[str, Any]
    occurred_at: datetime
    waited: float
    """Seconds since the event was published, by the database's clock."""


def due(channel: str, lanes: Collection[int], limit: int) -> list[Leaving]:
    """
    Return what may be sent now by this channel from these lanes, in the order in which it must be sent.

    Of an aggregate whose earlier row waits for a retry, nothing. What was found behind such a row is marked, so that no
    later look reads past it. The caller holds the lanes: nobody else sends from them, or marks there.
    """
    parameters: dict[str, Any] = {
        "channel": channel,
        "lanes": sorted(lanes),
        "limit": limit,
        "each": limit * 2 // len(lanes) + 1,
    }
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_DUE, parameters)
            rows = cursor.fetchall()
        if orphans := [row[0] for row in rows if row[6] is None]:
            # Somebody has deleted events by hand. Left alone, these rows would fill every look.
            logger.error("%d messages have no event any more, and are dropped", len(orphans))
            Outgoing.objects.filter(pk__in=orphans).delete()
            free(channel, [row[3] for row in rows if row[6] is None])
            continue
        behind = [row[0] for row in rows if row[-1]]
        if behind:
            Outgoing.objects.filter(pk__in=behind).update(state=OutgoingState.BEHIND, next_attempt_at=None)
        found = [_leaving(row) for row in rows if not row[-1]]
        if found or not behind:
            return found


def next_due_seconds(channel: str, lanes: Collection[int]) -> float | None:
    """Return the seconds until the first waiting row is due, by the database's clock. None if none waits."""
    waiting = Outgoing.objects.filter(channel=channel, lane__in=lanes, state=OutgoingState.WAITING)
    # One that waits too long is due: see MOST_WAIT. A caller who found nothing to send has none.
    left: timedelta | None = waiting.aggregate(left=Min("next_attempt_at") - Now())["left"]
    return None if left is None else max(0.0, left.total_seconds())


def has_left(rows: Sequence[Leaving]) -> None:
    """Delete what is at the other side. What waited behind one of them is free."""
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM outbox_outgoing WHERE id = ANY(%s) RETURNING state", [[row.row for row in rows]])
        waited = any(state != OutgoingState.FRESH for (state,) in cursor.fetchall())
    if waited:
        # In a statement of its own. Killed between the two, the next look at the lane frees what was left behind.
        free(rows[0].channel, [row.key for row in rows])


def retry_later(rows: Sequence[Leaving], error: str, seconds: Sequence[float], *, counted: bool) -> None:
    """
    Let each wait so long. It is `counted` against them if it was their own fault.

    In one statement: a queue that is full declines 500 at once, again and again.
    """

    def wait(last_error: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                _WAIT,
                {
                    "rows": [row.row for row in rows],
                    "seconds": [min(each, MOST_WAIT) for each in seconds],
                    "more": int(counted),
                    "error": last_error,
                },
            )

    store_foreign(wait, last_error=error[:ERROR_LIMIT])


def put_aside(row: Leaving, error: str) -> None:
    """Give one up. Its successors pass. A person sends it again, or dismisses it."""
    with transaction.atomic():
        aside = partial(
            Outgoing.objects.filter(pk=row.row).update,
            state=OutgoingState.ASIDE, next_attempt_at=None, attempts=row.attempts + 1,
        )  # fmt: skip
        store_foreign(aside, last_error=error[:ERROR_LIMIT])
        free(row.channel, [row.key])


def free(channel: str, keys: Collection[int] | None = None, lanes: Collection[int] | None = None) -> None:
    """Let rows go that stand behind one that is not there any more: of these keys, or of all in these lanes."""
    with connection.cursor() as cursor:
        cursor.execute(
            _FREE,
            {
                "channel": channel,
                "keys": None if keys is None else sorted(set(keys)),
                "lanes": None if lanes is None else sorted(lanes),
            },
        )


def _leaving(row: tuple[Any, ...]) -> Leaving:
    """Return it of a row of _DUE. Django has the driver give JSON as text."""
    values = [*row[:13], json.loads(row[13]), *row[14:16]]
    return Leaving(*values)


# Lane by lane: one whose relay is stuck may hold a million rows that the others need not read. Each part is an index
# scan that ends at its limit. A row that waited comes with the fresh ones, and before those of its aggregate.
_DUE = f"""
WITH candidate AS MATERIALIZED (
    SELECT fresh.* FROM unnest(%(lanes)s::int[]) AS mine(lane) CROSS JOIN LATERAL (
        SELECT o.id, o.channel, o.lane, o.key, o.attempts, o.replay, o.event, o.state FROM outbox_outgoing o
        WHERE o.state = {OutgoingState.FRESH} AND o.channel = %(channel)s AND o.lane = mine.lane
        ORDER BY o.id + 0 LIMIT %(each)s
    ) fresh
    UNION ALL
    SELECT tried.* FROM unnest(%(lanes)s::int[]) AS mine(lane) CROSS JOIN LATERAL (
        SELECT o.id, o.channel, o.lane, o.key, o.attempts, o.replay, o.event, o.state FROM outbox_outgoing o
        WHERE o.state = {OutgoingState.WAITING} AND o.channel = %(channel)s AND o.lane = mine.lane
        AND o.next_attempt_at <= statement_timestamp()
        ORDER BY o.next_attempt_at LIMIT %(each)s
    ) tried
    UNION ALL
    SELECT astray.* FROM unnest(%(lanes)s::int[]) AS mine(lane) CROSS JOIN LATERAL (
        SELECT o.id, o.channel, o.lane, o.key, o.attempts, o.replay, o.event, o.state FROM outbox_outgoing o
        WHERE o.state = {OutgoingState.WAITING} AND o.channel = %(channel)s AND o.lane = mine.lane
        AND o.next_attempt_at > statement_timestamp() + interval '{2 * MOST_WAIT} seconds'
        ORDER BY o.next_attempt_at LIMIT %(each)s
    ) astray
), chosen AS MATERIALIZED (
    SELECT * FROM candidate ORDER BY id LIMIT %(limit)s
)
SELECT c.id, c.channel, c.lane, c.key, c.attempts, c.replay, e.id, e.event_id, e.event_type, e.schema_version,
    e.aggregate_type, e.aggregate_id, e.payload::text, e.headers, e.occurred_at,
    extract(epoch FROM statement_timestamp() - e.created_at)::float8,
    EXISTS (
        SELECT FROM outbox_outgoing held WHERE held.state IN ({OutgoingState.WAITING}, {OutgoingState.BEHIND})
        AND held.channel = c.channel AND held.key = c.key AND held.id < c.id
        AND NOT held.id = ANY (ARRAY (SELECT id FROM chosen))
    )
FROM chosen c LEFT JOIN outbox_outboxevent e ON e.id = c.event ORDER BY c.id
"""  # nosec B608: only constants are put in

_WAIT = f"""
UPDATE outbox_outgoing o SET state = {OutgoingState.WAITING}, last_error = %(error)s, attempts = o.attempts + %(more)s,
    next_attempt_at = statement_timestamp() + make_interval(secs => later.seconds)
FROM unnest(%(rows)s::bigint[], %(seconds)s::float8[]) AS later(id, seconds) WHERE o.id = later.id
"""  # nosec B608: only constants are put in

_FREE = f"""
UPDATE outbox_outgoing o SET state = {OutgoingState.FRESH}
WHERE o.state = {OutgoingState.BEHIND} AND o.state IN ({OutgoingState.WAITING}, {OutgoingState.BEHIND})
AND o.channel = %(channel)s
AND (%(keys)s::bigint[] IS NULL OR o.key = ANY (%(keys)s::bigint[]))
AND (%(lanes)s::int[] IS NULL OR o.lane = ANY (%(lanes)s::int[]))
AND NOT EXISTS (
    SELECT FROM outbox_outgoing first WHERE first.state = {OutgoingState.WAITING}
    AND first.state IN ({OutgoingState.WAITING}, {OutgoingState.BEHIND})
    AND first.channel = o.channel AND first.key = o.key AND first.id < o.id
)
"""  # nosec B608: only constants are put in
