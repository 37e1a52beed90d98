"""Backlogs that no test could publish one by one, and what the statements of a claim read of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, NamedTuple

import psycopg
from django.db import connection

from outbox.choices import EventStatus
from outbox.tests.gauges import GaugeCalibrated
from qhse.deployment.connections import BY_INDEXES

FRESH = "'1970-01-01 00:00+00'"
TABLE = "outbox_outboxevent"


def store_rows(
    number: int,
    *,
    gauge: str = "i",
    event_type: str = GaugeCalibrated.event_type,
    status: str = EventStatus.PENDING,
    due: str = FRESH,
) -> list[int]:
    """Insert events at once. Return their ids. `gauge` and `due` are SQL expressions of `i`, which counts from 1."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {TABLE} (event_id, event_type, schema_version, aggregate_type, aggregate_id, payload,"
            " headers, status, attempts, last_error, processed_at, next_attempt_at)"
            f" SELECT gen_random_uuid(), %s, 1, 'gauge', ({gauge})::text,"
            f" jsonb_build_object('gauge_id', {gauge}, 'reading', i), '{{}}', %s, 0, '',"
            f" CASE WHEN %s = '{EventStatus.PROCESSED}' THEN now() END, {due}"
            " FROM generate_series(1, %s) AS i ORDER BY i RETURNING id",
            [event_type, status, status, number],
        )
        return [pk for (pk,) in cursor.fetchall()]


class Read(NamedTuple):
    """What the server did for one statement: how many pages and rows it read, by which indexes of the outbox."""

    statement: str
    pages: int
    indexes: set[str]
    removed: int


@contextmanager
def explained(*, by_generic_plans: bool = False) -> Iterator[list[Read]]:
    """Note what each statement of the engine reads. It is run once more for that, in a worker's session."""
    reads: list[Read] = []
    numbers = count()

    def watch(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if (kind := _kind_of(sql)) is not None:
            # One that writes values into the text: EXECUTE takes no parameters.
            with psycopg.ClientCursor(connection.connection) as plain:
                name = f"watched_{next(numbers)}"
                for setting, value in BY_INDEXES.items():
                    plain.execute(f"SET LOCAL {setting} = {value}")
                plain.execute(f"SET LOCAL plan_cache_mode = {'force_generic_plan' if by_generic_plans else 'auto'}")
                plain.execute(f"PREPARE {name} AS {_numbered(sql)}")
                places = ", ".join(["%s"] * len(params))
                plain.execute(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE {name} ({places})", params)
                (answer,) = plain.fetchone()
                plain.execute(f"DEALLOCATE {name}")
            reads.append(_read(kind, (json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield reads


def _kind_of(sql: str) -> str | None:
    marks = {
        "WITH source": "look",
        "RECURSIVE kind": "types",
        "head.id, ARRAY": "followers",
        "SKIP LOCKED": "lock",
    }
    return next((kind for mark, kind in marks.items() if mark in sql), None)


def _numbered(sql: str) -> str:
    first, *others = sql.split("%s")
    return (first + "".join(f"${number}{text}" for number, text in enumerate(others, 1))).replace("%%", "%")


def _read(kind: str, plan: dict[str, Any]) -> Read:
    indexes, removed = set(), 0
    nodes = [plan]
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", ())
        removed += node.get("Rows Removed by Filter", 0) * node["Actual Loops"]
        if node["Node Type"] == "Bitmap Index Scan" or node.get("Relation Name") == TABLE:
            indexes.add(node.get("Index Name", node["Node Type"]))
    indexes.discard("Bitmap Heap Scan")  # of the indexes below it
    return Read(kind, plan["Shared Hit Blocks"] + plan["Shared Read Blocks"], indexes, removed)
