"""Which events could be claimed: the first pending one of each aggregate, of each type those that are due longest."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import NamedTuple

from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from outbox.choices import EventStatus
from outbox.engine.prepared import prepared_cursor
from outbox.models import OutboxEvent

_UNCOUNTED = sys.maxsize  # more than heads: on SQLite it costs as much to count them as to look behind the heads


class Heads(NamedTuple):
    """
    What was read: ids in the order in which to take them, and whether there are `more` rows behind the window.

    `due` counts the rows within it: where there are as many heads, nothing that is due stands behind any of them.
    """

    at: datetime | None
    ids: list[int]
    more: bool
    due: int
    next_due_seconds: float | None


def read_heads(window: int, wanted: int) -> Heads:
    """Return the ids of `wanted` heads that are due, in the order in which to take them; nothing is locked yet."""
    if connection.vendor != "postgresql":
        due = OutboxEvent.objects.due().without_predecessor().order_by("next_attempt_at", "id")
        waiting = OutboxEvent.objects.pending().filter(next_attempt_at__gt=Now()).order_by("next_attempt_at")
        wait = waiting.values_list(F("next_attempt_at") - Now(), flat=True).first()
        ids = list(due.values_list("pk", flat=True)[:wanted])
        return Heads(timezone.now(), ids, False, _UNCOUNTED, wait and wait.total_seconds())
    with prepared_cursor() as cursor:
        cursor.execute(_HEADS, {"window": window, "wanted": wanted})
        return Heads(*cursor.fetchone())


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
    (SELECT count(*) FROM due),
    (SELECT extract(epoch FROM min(w.next_attempt_at) - statement_timestamp())::float8
     FROM kind CROSS JOIN LATERAL (
        SELECT e.next_attempt_at FROM outbox_outboxevent e
        WHERE e.status = '{EventStatus.PENDING}' AND e.event_type = kind.event_type
        AND e.next_attempt_at > statement_timestamp()
        ORDER BY e.next_attempt_at LIMIT 1
     ) w)
"""  # nosec B608: only constants are put in
