"""Maintenance: the outbox's tables and indexes are rebuilt under load. Everything goes on by itself."""

from __future__ import annotations

import time
from contextlib import suppress

import psycopg

from dev.waiting import Stalled
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.load import Load

P95_SECONDS = 5.0
MOST_DEADLOCKS = 50
LOAD_SECONDS = 0.5  # between two statements
TABLES = ("outbox_outboxevent", "outbox_processedevent", "outbox_inhand")
STATEMENTS = (
    "REINDEX TABLE {table}",
    "REINDEX TABLE CONCURRENTLY {table}",
    "VACUUM FULL {table}",
    "CLUSTER {table} USING {key}",
    "VACUUM (FREEZE, ANALYZE) {table}",
)


def run(lab: Laboratory) -> Outcome:
    """Rebuild each table in each way, while writers, the API and workers use it."""
    rounds = 1 if lab.quick else 2
    outcome = Outcome("maintenance")
    with lab.fresh("maintenance") as database:
        load = Load(lab, database)
        load.start(writers=2, workers=2)
        moments, longest, deadlocks = [], 0.0, 0
        for _ in range(rounds):
            for statement in STATEMENTS:
                for table in TABLES:
                    started = time.monotonic()
                    deadlocks += _do(database, statement.format(table=table, key=_key(database, table)))
                    longest = max(longest, time.monotonic() - started)
                moments.append(time.time())
                time.sleep(LOAD_SECONDS)
        load.end(outcome)
        outcome.figures = {"statements": len(moments) * len(TABLES), "done_again_after_a_deadlock": deadlocks}
        outcome.figures |= {"longest_statement": longest, **load.figures()}
        outcome.figures |= load.recovery(moments, outcome, p95_seconds=P95_SECONDS)
        _judge(outcome, database)
    return outcome


def _do(database: Database, statement: str) -> int:
    """Execute it, again after a deadlock, as a person would. Return how many deadlocks there were."""
    for deadlocks in range(MOST_DEADLOCKS):
        with suppress(psycopg.errors.DeadlockDetected):
            database.execute(statement)
            return deadlocks
    raise Stalled(f"{MOST_DEADLOCKS} deadlocks: {statement}")


def _key(database: Database, table: str) -> str:
    """Return the index of the primary key."""
    return str(
        database.value(
            "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = %s::regclass AND indisprimary", [table]
        )
    )


def _judge(outcome: Outcome, database: Database) -> None:
    # A handler that publishes can be the victim of a deadlock: its own failure, tried again like any other.
    outcome.figures["attempts_counted"] = database.value("SELECT sum(attempts)::int FROM outbox_outboxevent")
    broken = database.rows("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")
    outcome.demand(not broken, f"indexes are invalid: {broken}")
