"""How long an event waits, from the commit that publishes it to the commit of its effect. 20 come a second."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from django.db import connection, transaction
from tqdm import tqdm

from dev.waiting import wait_until
from lab.bench import load, raw_worker
from lab.bench.crew import Crew, product_crew, raw_crew
from lab.bench.figures import Figure, Target
from lab.bench.run import Run
from lab.bench.subject import AGGREGATES
from lab.database import Database
from lab.gauge import GaugeRead
from lab.percentile import percentile
from outbox.publisher import publish_all
from qhse.uuid7 import uuid7

EVENTS_PER_SECOND = 20
WARM_UP = 10
EFFECT_SECONDS = 60.0
TARGETS = {50.0: 3.5, 99.0: 8.0}

Publications = list[tuple[str, int]]
"""(event id, id of the transaction that published it)."""


@dataclass(frozen=True, slots=True)
class Side:
    """A worker that waits on a database, and how an event gets there."""

    database: Database
    crew: Crew
    publish: Callable[[int], tuple[str, int]]


def measure(run: Run) -> Iterator[Figure]:
    """
    Yield percentiles of the product's latency, beside a raw LISTEN loop.

    Both run at once, each in a database of its own. They get their events in turn.
    """
    ours, raw = run.database, run.second_database
    raw_worker.prepare(raw)
    for database in (ours, raw):
        load.begin(database, run.sizes.done)
    with ExitStack() as stack:
        sides = (
            Side(ours, stack.enter_context(product_crew("per-event", ours)), _publish),
            Side(raw, stack.enter_context(raw_crew(raw)), lambda number: _publish_raw(raw, number)),
        )
        for side in sides:
            side.crew.run_forever()
            _await_effects(side, [side.publish(number) for number in range(WARM_UP)])
        published = _publish_in_turn(sides, run.sizes.arrivals)
        for side, events in zip(sides, published, strict=True):
            _await_effects(side, events)
    connection.close()
    waited, raw_waited = _milliseconds(ours, published[0]), _milliseconds(raw, published[1])
    for percent in (50.0, 95.0, 99.0):
        value, beside = percentile(waited, percent), percentile(raw_waited, percent)
        target = Target("≤", TARGETS[percent], "value") if percent in TARGETS else None
        yield Figure(
            "latency", f"p{percent:g}, beside raw LISTEN", value, "ms", beside, ratio=value / beside, target=target
        )


def _publish_in_turn(sides: Sequence[Side], arrivals: int) -> list[Publications]:
    published: list[Publications] = [[] for _ in sides]
    jitter = random.Random(4711)
    gap = 1 / EVENTS_PER_SECOND / len(sides)
    begin = time.monotonic()
    for number in tqdm(range(arrivals * len(sides)), desc="latency", disable=None):
        # A steady beat could fall in step with something that polls.
        time.sleep(max(0.0, begin + gap * (number + jitter.uniform(0, 0.5)) - time.monotonic()))
        published[number % len(sides)].append(sides[number % len(sides)].publish(number))
    return published


def _publish(number: int) -> tuple[str, int]:
    with transaction.atomic(), connection.cursor() as cursor:
        event = GaugeRead(gauge=str(number % AGGREGATES), position=number)
        (stored,) = publish_all([(event, None)], actor=None)
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        return str(stored.event_id), cursor.fetchone()[0]


def _publish_raw(database: Database, number: int) -> tuple[str, int]:
    event_id = str(uuid7())
    event = GaugeRead(gauge=str(number % AGGREGATES), position=number)
    with database.connection.transaction():
        database.execute(
            "INSERT INTO outbox_outboxevent (event_id, event_type, schema_version, aggregate_type, aggregate_id, "
            "payload, headers, status, attempts, last_error) "
            "VALUES (%s, %s, 1, %s, %s, %s, '{}', 'PENDING', 0, '')",
            (event_id, event.event_type, event.aggregate_type, event.gauge, json.dumps(event.payload())),
        )
        (transaction_id, _) = database.row(
            "SELECT pg_current_xact_id()::text::bigint, pg_notify(%s, '')", (raw_worker.CHANNEL,)
        )
    return event_id, transaction_id


def _await_effects(side: Side, events: Publications) -> None:
    event_ids = [event_id for event_id, _ in events]

    def are_there() -> bool:
        side.crew.check()
        sql = "SELECT count(*) FROM benchmark_effect WHERE event_id = ANY(%s::uuid[])"
        return bool(side.database.value(sql, (event_ids,)) == len(events))

    wait_until(are_there, seconds=EFFECT_SECONDS, what=f"the effects of {len(events)} events", every=0.1)


def _milliseconds(database: Database, events: Publications) -> list[float]:
    rows = database.rows(
        "SELECT extract(epoch FROM pg_xact_commit_timestamp(f.xmin) "
        "- pg_xact_commit_timestamp(p.xid::text::xid))::float8 * 1000 "
        "FROM unnest(%s::uuid[], %s::bigint[]) AS p (event_id, xid) JOIN benchmark_effect f USING (event_id)",
        ([event_id for event_id, _ in events], [xid for _, xid in events]),
    )
    return [milliseconds for (milliseconds,) in rows]
