"""
Every statement of the engine. Those for PostgreSQL and those for SQLite stand side by side.

On PostgreSQL a batch takes one of each, and the server plans them once. On SQLite nobody competes. So plain queries of
the ORM do.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from django.db import connection
from django.db.models import BigIntegerField, F, Func
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Now
from django.utils import timezone

from outbox.choices import EventStatus
from outbox.engine.claimed import ClaimedEvent
from outbox.models import OutboxEvent, ProcessedEvent
from outbox.tuning import REPLAN_SECONDS


class Heads(NamedTuple):
    """
    What was read. The ids stand in the order in which to take them. With `more` there are rows behind the window.

    Rows within the window are counted in `due`. With as many heads as that, nothing due stands behind any of them.
    """

    at: datetime
    ids: list[int]
    more: bool
    due: int
    next_due_seconds: float | None


NOTHING_READ = Heads(datetime(1970, 1, 1, tzinfo=UTC), [], False, 0, None)


def read_heads(window: int, wanted: int) -> Heads:
    """
    Return `wanted` heads, in the order in which to take them. Nothing is locked yet.

    Of each type only `window` rows are looked at. They are the ones that have been due longest.
    """
    if _on_postgres():
        with _prepared_cursor() as cursor:
            # Written into the text: for a LIMIT that it does not know, the server would plan each execution anew.
            cursor.execute(_HEADS.format(window=window, wanted=wanted))
            return Heads(*cursor.fetchone())
    heads = OutboxEvent.objects.due().without_predecessor().order_by("next_attempt_at", "id")
    waiting = OutboxEvent.objects.pending().filter(next_attempt_at__gt=Now()).order_by("next_attempt_at")
    wait = waiting.values_list(F("next_attempt_at") - Now(), flat=True).first()
    ids = list(heads.values_list("pk", flat=True)[:wanted])
    # To count what is due would cost as much as to look for events behind the heads.
    return Heads(timezone.now(), ids, False, sys.maxsize, wait and wait.total_seconds())


# The types are found by hopping along the index (PostgreSQL knows no skip scan before 18). Of each type the rows that
# have been due longest are read. Those which are heads take turns with the heads of other types. Whether a row is a
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
        SELECT o.*, row_number() OVER (ORDER BY o.next_attempt_at, o.id) AS place FROM (
            SELECT e.id, e.aggregate_type, e.aggregate_id, e.next_attempt_at FROM outbox_outboxevent e
            WHERE e.status = '{EventStatus.PENDING}' AND e.event_type = kind.event_type
            AND e.next_attempt_at <= statement_timestamp()
            ORDER BY e.next_attempt_at, e.id LIMIT {{window}}
        ) o
    ) d
)
SELECT
    statement_timestamp(),
    ARRAY(
        SELECT dealt.id FROM (SELECT * FROM due ORDER BY place, id OFFSET 0) dealt
        WHERE dealt.id = (
            SELECT p.id FROM outbox_outboxevent p
            WHERE p.status = '{EventStatus.PENDING}' AND p.aggregate_type = dealt.aggregate_type
            AND p.aggregate_id = dealt.aggregate_id ORDER BY p.id LIMIT 1
        )
        LIMIT {{wanted}}
    ),
    coalesce((SELECT max(due.place) FROM due) >= {{window}}, false),
    (SELECT count(*) FROM due),
    (SELECT extract(epoch FROM min(w.next_attempt_at) - statement_timestamp())::float8
     FROM kind CROSS JOIN LATERAL (
        SELECT e.next_attempt_at FROM outbox_outboxevent e
        WHERE e.status = '{EventStatus.PENDING}' AND e.event_type = kind.event_type
        AND e.next_attempt_at > statement_timestamp()
        ORDER BY e.next_attempt_at LIMIT 1
     ) w)
"""  # nosec B608: only constants and numbers are put in


def lock(ids: Sequence[int], limit: int) -> list[ClaimedEvent]:
    """
    Lock those of these events that are due and that nobody else holds. The oldest come first. The locks last until the
    transaction ends.
    """
    if _on_postgres():
        sql, parameters = _lock_text(limit)
        with _prepared_cursor() as cursor:
            cursor.execute(sql, [*parameters, _array(ids)])
            return [
                ClaimedEvent._make((*row, datetime.fromtimestamp(occurred / 1e6, UTC), stamp))
                for *row, occurred, stamp in cursor.fetchall()
            ]
    return [ClaimedEvent._make((*row, 0)) for row in _free(ids, "occurred_at")[:limit]]


def _free(ids: Sequence[int], *times: Any) -> Any:
    """Return the query that claims; `ids` are its last parameter."""
    return (
        OutboxEvent.objects.due()
        .filter(pk__in=ids)
        .order_by("id")
        .select_for_update(skip_locked=True, of=("self",))
        .values_list(
            "pk", "event_id", "event_type", "schema_version", "aggregate_type", "aggregate_id", "payload",
            KeyTextTransform("request_id", "headers"), "attempts", *times,
        )
    )  # fmt: skip


@cache
def _lock_text(limit: int) -> tuple[str, tuple[Any, ...]]:
    """Write the SQL of the query once, with an array for the ids. Django needs as long to write it as to run it."""
    query = _free([0], _Microseconds("occurred_at"), _Microseconds("next_attempt_at"))[:limit].query
    sql, parameters = query.sql_with_params()
    return sql.replace(" IN (%s)", " = ANY(%s)"), parameters[:-1]


class _Microseconds(Func):
    """A time as microseconds since 1970. For a timestamp the driver needs five times as long as for a number."""

    template = "(extract(epoch FROM %(expressions)s) * 1000000)::bigint"
    output_field = BigIntegerField()


def remember(pairs: Sequence[tuple[UUID, str]]) -> set[tuple[UUID, str]] | None:
    """
    Store that these handlers have handled these events. Return the pairs that were not stored before.

    None stands for all of them, which is the rule. UUIDs are slow to compare.
    """
    if not pairs:
        return None
    if _on_postgres():
        with _prepared_cursor() as cursor:
            cursor.execute(_REMEMBER, [_array(event_id for event_id, _ in pairs), [name for _, name in pairs]])
            return None if cursor.rowcount == len(pairs) else set(cursor.fetchall())
    known = set(ProcessedEvent.objects.filter(event_id__in={event_id for event_id, _ in pairs}).values_list("pk"))
    fresh = {pair for pair in pairs if (pair,) not in known}
    ProcessedEvent.objects.bulk_create(ProcessedEvent(event_id=pair[0], handler=pair[1]) for pair in fresh)
    return fresh


_REMEMBER = """
INSERT INTO outbox_processedevent (event_id, handler) SELECT * FROM unnest(%s::uuid[], %s::text[])
ON CONFLICT DO NOTHING RETURNING event_id, handler
"""


def mark_processed(ids: Sequence[int]) -> None:
    if _on_postgres():
        with _prepared_cursor() as cursor:
            cursor.execute(_MARK, [_array(ids)])
    else:
        OutboxEvent.objects.filter(pk__in=ids).update(status=EventStatus.PROCESSED, processed_at=Now())


_MARK = f"""
UPDATE outbox_outboxevent SET status = '{EventStatus.PROCESSED}', processed_at = statement_timestamp()
WHERE id = ANY(%s)
"""  # nosec B608: only a constant is put in


def _on_postgres() -> bool:
    return connection.vendor == "postgresql"


def _prepared_cursor() -> Any:
    """
    Return a cursor of Django's connection. The server parses and plans its statements once.

    Django's own cursors put values into the text. So each execution would be planned anew. Plans are thrown away every
    REPLAN_SECONDS.
    """
    connection.ensure_connection()
    line: Any = connection.connection
    now = time.monotonic()
    if line.prepare_threshold is None:
        line.prepare_threshold, line.qhse_planned_at = 1, now
    # The wrapper keeps what Django's cursors have: its exceptions, and its hooks around each statement.
    cursor = connection._prepare_cursor(psycopg.Cursor(line))  # type: ignore[attr-defined]
    if now - line.qhse_planned_at > REPLAN_SECONDS:
        line.qhse_planned_at = now
        cursor.execute("DEALLOCATE ALL")
    return cursor


def _array(values: Iterable[object]) -> str:
    """Return numbers or UUIDs as one literal of an array. For a list of them the driver takes ten times as long."""
    return f"{{{','.join(map(str, values))}}}"
