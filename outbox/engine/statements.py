"""
Every statement of the engine. Those for PostgreSQL and those for SQLite stand side by side.

On PostgreSQL a batch takes one of each, and the server plans them once. On SQLite nobody competes. So plain queries of
the ORM do.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from django.db import connection
from django.db.models import BigIntegerField, F, Func, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Concat, Now

from outbox.choices import EventStatus
from outbox.engine.claimed import ClaimedEvent
from outbox.guards.session import settle_session
from outbox.models import DUE_AT_ONCE, OutboxEvent, ProcessedEvent, longest_wait
from outbox.tuning import LATE_IDS
from qhse.database import database_time


class Source(NamedTuple):
    """
    A run of the index on pending rows. It lies between two times of one type, and begins behind the last row seen.

    The times are text, because they only go to and fro. Of `since` None stands for "a wait that nothing asks for".
    Of `until` it stands for the present.
    """

    event_type: str
    since: str | None
    after: int
    until: str | None


def sources_of(event_type: str) -> Iterator[Source]:
    """
    Yield the three kinds of due rows: fresh ones, those whose time has come, and those with an impossible time.

    A fresh one needs no clock. Each kind has a mark of its own. So a flood of one does not hide another.
    """
    yield Source(event_type, "-infinity", 0, _AT_ONCE)
    yield Source(event_type, _AT_ONCE, sys.maxsize, None)
    yield Source(event_type, None, 0, "infinity")


_AT_ONCE = DUE_AT_ONCE.isoformat()
_LATE = timedelta(seconds=2)


class Look(NamedTuple):
    """
    What was seen of some sources. The heads stand in the order in which to take them.

    As many `rows` were seen, of so many `aggregates` and `busy` sources. With `more`, rows stand behind what was seen.
    Of such a source the next look sees these. Of any other it sees the end again: ids and times commit out of order.
    """

    at: datetime
    heads: list[int]
    rows: int
    aggregates: int
    next_due_seconds: float | None
    sources: list[Source]
    busy: int
    more: bool


def look(sources: Sequence[Source], window: int) -> Look:
    """
    Look at the next `window` rows of each source, and ask each aggregate that they name for its head.

    Nothing is locked yet. Heads that wait are left out. The sources take turns.
    """
    if not _on_postgres():
        heads = list(OutboxEvent.objects.due().without_predecessor().order_by("next_attempt_at", "id")[:window])
        waiting = OutboxEvent.objects.waiting().order_by("next_attempt_at")
        wait = waiting.values_list(F("next_attempt_at") - Now(), flat=True).first()
        # To count what is due would cost as much as to look for events behind the heads.
        rows = len(heads) + 1 if heads else 0
        seconds = wait and wait.total_seconds()
        ids = [head.pk for head in heads]
        return Look(database_time(), ids, rows, len(ids), seconds, [*sources], busy=1, more=False)
    with _prepared_cursor() as cursor:
        kinds, since, after, until = zip(*sources, strict=True)
        columns = [_array(map(_quoted, kinds)), _times(since), _array(after), _times(until)]
        cursor.execute(_look_text(window, longest_wait()), columns)
        at, heads, rows, aggregates, next_due_seconds, lasts = cursor.fetchone()
    behind, just_now = list(sources), (at - _LATE).isoformat()
    seen = {number: (place == window, since, after) for number, place, since, after in json.loads(lasts)}
    for number, source in enumerate(sources, start=1):
        is_full, since, after = seen.get(number, (False, source.since, source.after))
        if is_full:
            behind[number - 1] = Source(source.event_type, since, after, source.until)
        elif source.until is None:
            behind[number - 1] = Source(source.event_type, just_now, 0, None)
        elif source.until == _AT_ONCE:
            behind[number - 1] = source._replace(since=_AT_ONCE, after=max(source.after, after - LATE_IDS))
    return Look(
        at, heads, rows, aggregates, next_due_seconds, behind, len(seen), any(full for full, *_ in seen.values())
    )


@cache
def _look_text(window: int, longest_wait: float) -> str:
    # Numbers stand in the text: for a LIMIT that it does not know, the server would plan each execution anew.
    return _LOOK.format(window=window, longest_wait=longest_wait, no_id=sys.maxsize - 1)


# Most types have no pending row at most times. Each of those is asked once, not four times. One of which this walk
# has seen a row is not asked: at its beginning may lie what was handled under an old snapshot.
#
# Each aggregate is asked once, whatever lies behind its head. Only one index has `id + 0`, so that no statistics can
# make the planner take another and filter the whole backlog, or all of an aggregate's history.
_LOOK = f"""
WITH source AS (
    SELECT s.number, s.event_type, s.after, coalesce(s.until, statement_timestamp()) AS until,
        coalesce(s.since, statement_timestamp() + {{longest_wait}} * interval '1 second') AS since
    FROM unnest(%s::text[], %s::timestamptz[], %s::bigint[], %s::timestamptz[])
        WITH ORDINALITY AS s (event_type, since, after, until, number)
), kind AS MATERIALIZED (
    SELECT event_type FROM source GROUP BY event_type HAVING bool_or(after BETWEEN 1 AND {{no_id}}) OR (
        SELECT e.id FROM outbox_outboxevent e
        WHERE e.status = '{EventStatus.PENDING}' AND e.event_type = source.event_type
        ORDER BY e.next_attempt_at LIMIT 1
    ) IS NOT NULL
), seen AS MATERIALIZED (
    SELECT source.number, d.* FROM source JOIN kind USING (event_type) CROSS JOIN LATERAL (
        SELECT o.*, row_number() OVER (ORDER BY o.next_attempt_at, o.id) AS place FROM (
            SELECT e.id, e.aggregate_type, e.aggregate_id, e.next_attempt_at FROM outbox_outboxevent e
            WHERE e.status = '{EventStatus.PENDING}' AND e.event_type = source.event_type
            AND (e.next_attempt_at, e.id) > (source.since, source.after) AND e.next_attempt_at <= source.until
            ORDER BY e.next_attempt_at, e.id LIMIT {{window}}
        ) o
    ) d
), aggregate AS MATERIALIZED (
    SELECT aggregate_type, aggregate_id, min(number) AS number, min(place) AS place FROM seen GROUP BY 1, 2
), head AS MATERIALIZED (
    SELECT h.id, row_number() OVER (PARTITION BY a.number ORDER BY a.place) AS turn
    FROM aggregate a CROSS JOIN LATERAL (
        SELECT p.id, p.next_attempt_at FROM outbox_outboxevent p
        WHERE p.status = '{EventStatus.PENDING}' AND p.aggregate_type = a.aggregate_type
        AND p.aggregate_id = a.aggregate_id ORDER BY p.id + 0 LIMIT 1
    ) h
    WHERE h.next_attempt_at <= statement_timestamp()
    OR h.next_attempt_at > statement_timestamp() + {{longest_wait}} * interval '1 second'
)
SELECT
    statement_timestamp(),
    ARRAY(SELECT id FROM head ORDER BY turn, id),
    (SELECT count(*) FROM seen),
    (SELECT count(*) FROM aggregate),
    (SELECT extract(epoch FROM min(w.next_attempt_at) - statement_timestamp())::float8
     FROM kind CROSS JOIN LATERAL (
        SELECT e.next_attempt_at FROM outbox_outboxevent e
        WHERE e.status = '{EventStatus.PENDING}' AND e.event_type = kind.event_type
        AND e.next_attempt_at > statement_timestamp() AND e.next_attempt_at < 'infinity'
        ORDER BY e.next_attempt_at LIMIT 1
     ) w),
    (SELECT coalesce(jsonb_agg(jsonb_build_array(number, place, next_attempt_at::text, id)), '[]') FROM seen
     WHERE (number, place) IN (SELECT number, max(place) FROM seen GROUP BY number))
"""  # nosec B608: only constants and numbers are put in


def unknown_types(known: Iterable[str]) -> list[str]:
    """Return the types of pending events that are not among these."""
    if not _on_postgres():
        return []  # it looks at all types anyway
    with _prepared_cursor() as cursor:
        cursor.execute(_UNKNOWN_TYPES, [list(known)])
        return [event_type for (event_type,) in cursor.fetchall()]


# By hopping along the index: PostgreSQL knows no skip scan before 18.
_UNKNOWN_TYPES = f"""
WITH RECURSIVE kind (event_type) AS (
    (SELECT event_type FROM outbox_outboxevent WHERE status = '{EventStatus.PENDING}' ORDER BY event_type LIMIT 1)
    UNION ALL
    SELECT (SELECT e.event_type FROM outbox_outboxevent e
            WHERE e.status = '{EventStatus.PENDING}' AND e.event_type > kind.event_type
            ORDER BY e.event_type LIMIT 1)
    FROM kind WHERE kind.event_type IS NOT NULL
)
SELECT event_type FROM kind WHERE event_type <> ALL(%s::text[])
"""  # nosec B608: only a constant is put in


def read_followers(heads: Sequence[ClaimedEvent], depth: int) -> list[list[int]]:
    """Return the ids of the pending events behind each of these heads, in order. They are cut at `depth` or later."""
    if _on_postgres():
        # Few texts, for the server to plan.
        sql = _FOLLOWERS.format(depth=1 << (depth - 1).bit_length())
        with _prepared_cursor() as cursor:
            kinds, keys = (
                [_quoted(part) for part in parts] for parts in zip(*(h.aggregate for h in heads), strict=True)
            )
            cursor.execute(sql, [_array(head.pk for head in heads), _array(kinds), _array(keys)])
            behind = dict(cursor.fetchall())
        return [behind[head.pk] for head in heads]
    queues: dict[tuple[str, str], list[int]] = {head.aggregate: [] for head in heads}
    later = OutboxEvent.objects.pending().filter(pk__gt=min(head.pk for head in heads))
    rows = later.filter(aggregate_id__in={key for _, key in queues}).order_by("pk")
    for kind, key, pk in rows.values_list("aggregate_type", "aggregate_id", "pk")[: 10 * depth * len(heads)]:
        queues.get((kind, key), []).append(pk)
    return [[pk for pk in queues[head.aggregate] if pk > head.pk] for head in heads]


# The heads' rows are not read again. Statistics of a table that a long transaction is filling say "no row": then the
# planner reads a whole index for them.
_FOLLOWERS = f"""
SELECT head.id, ARRAY(
    SELECT e.id FROM outbox_outboxevent e
    WHERE e.status = '{EventStatus.PENDING}' AND e.aggregate_type = head.aggregate_type
    AND e.aggregate_id = head.aggregate_id AND e.id + 0 > head.id ORDER BY e.id + 0 LIMIT {{depth}}
) FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS head (id, aggregate_type, aggregate_id)
"""  # nosec B608: only a constant and a number are put in


def lock(ids: Sequence[int]) -> list[ClaimedEvent]:
    """
    Lock those of these events that are due and that nobody else holds. The oldest come first. The locks last until the
    transaction ends.
    """
    if _on_postgres():
        sql, parameters = _lock_text(longest_wait())
        with _prepared_cursor() as cursor:
            cursor.execute(sql, [*parameters, _array(ids)])
            return [
                ClaimedEvent._make((*row, datetime.fromtimestamp(occurred / 1e6, UTC), stamp))
                for *row, occurred, stamp in cursor.fetchall()
            ]
    return [ClaimedEvent._make((*row, 0)) for row in _free(ids, "occurred_at")]


def _free(ids: Sequence[int], *times: Any) -> Any:
    """Return the query that claims; `ids` are its last parameter."""
    # The status stands in an expression. With the plain column the planner may read a partial index from end to end.
    return (
        OutboxEvent.objects.alias(state=Concat("status", Value("")))
        .filter(OutboxEvent.is_due(), state=EventStatus.PENDING)
        .filter(pk__in=ids)
        .order_by("id")
        .select_for_update(skip_locked=True, of=("self",))
        .values_list(
            "pk", "event_id", "event_type", "schema_version", "aggregate_type", "aggregate_id", "payload",
            KeyTextTransform("request_id", "headers"), KeyTextTransform("traceparent", "headers"), "attempts", *times,
        )
    )  # fmt: skip


@cache
def _lock_text(longest_wait: float) -> tuple[str, tuple[Any, ...]]:
    """Write the SQL of the query once, with an array for the ids. Django needs as long to write it as to run it."""
    sql, parameters = _free([0], _Microseconds("occurred_at"), _Microseconds("next_attempt_at")).query.sql_with_params()
    return sql.replace(" IN (%s)", " = ANY(%s)"), parameters[:-1]


class _Microseconds(Func):
    """
    A time as microseconds since 1970. For a timestamp the driver needs five times as long as for a number.

    It is 0 for an infinite one, which only a person can have set.
    """

    template = (
        "(CASE WHEN isfinite(%(expressions)s) THEN extract(epoch FROM %(expressions)s) * 1000000 ELSE 0 END)::bigint"
    )
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
            ids, names = zip(*pairs, strict=True)
            cursor.execute(_REMEMBER, [_array(ids), _array(map(_quoted, names))])
            return None if cursor.rowcount == len(pairs) else set(cursor.fetchall())
    known = set(ProcessedEvent.objects.filter(event_id__in={event_id for event_id, _ in pairs}).values_list("pk"))
    fresh = {pair for pair in pairs if (pair,) not in known}
    ProcessedEvent.objects.bulk_create(ProcessedEvent(event_id=pair[0], handler=pair[1]) for pair in fresh)
    return fresh


# Handlers come next. Their own statements are planned as anywhere else, until the session is reset.
_REMEMBER = """
INSERT INTO outbox_processedevent (event_id, handler) SELECT pair.* FROM unnest(%s::uuid[], %s::text[]) AS pair,
    set_config('enable_seqscan', 'on', true) AS scans, set_config('enable_sort', 'on', true) AS sorts,
    set_config('plan_cache_mode', 'auto', true) AS plans
ON CONFLICT DO NOTHING RETURNING event_id, handler
"""


def mark_processed(ids: Sequence[int]) -> None:
    """Mark these events, after the session that handlers leave has been settled. On PostgreSQL in one round trip."""
    if _on_postgres():
        settle_session(then=_MARK.format(ids=_array(ids)))
    else:
        OutboxEvent.objects.filter(pk__in=ids).update(status=EventStatus.PROCESSED, processed_at=Now())


_MARK = f"""
UPDATE outbox_outboxevent SET status = '{EventStatus.PROCESSED}', processed_at = statement_timestamp()
WHERE id = ANY('{{ids}}')
"""  # nosec B608: only a constant and numbers are put in


def _on_postgres() -> bool:
    return connection.vendor == "postgresql"


def _prepared_cursor() -> Any:
    """
    Return a cursor of Django's connection. The server parses and plans its statements once.

    Django's own cursors put values into the text. So each execution would be planned anew. A plan made for an empty
    outbox serves a flood as well: a worker's session reads by indexes, whatever the statistics say.
    """
    connection.ensure_connection()
    line: Any = connection.connection
    line.prepare_threshold = 1
    # The wrapper keeps what Django's cursors have: its exceptions, and its hooks around each statement.
    return connection._prepare_cursor(psycopg.Cursor(line))  # type: ignore[attr-defined]


def _array(values: Iterable[object]) -> str:
    """Return numbers or UUIDs as one literal of an array. For a list of them the driver takes ten times as long."""
    return f"{{{','.join(map(str, values))}}}"


def _times(values: Iterable[str | None]) -> str:
    return _array("NULL" if value is None else f'"{value}"' for value in values)


@lru_cache(1024)  # types are few, keys of aggregates are not
def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
