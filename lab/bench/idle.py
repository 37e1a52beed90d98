"""What a worker costs that has nothing to do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

from lab.bench import load
from lab.bench.crew import cpu_seconds, product_crew, raw_crew
from lab.bench.figures import Figure, Target
from lab.bench.run import Run

SETTLE_SECONDS = 5.0
TRANSACTIONS = Target("≤", 0.5, "value")
CPU = Target("≤", 0.5, "value")


def measure(run: Run) -> Iterator[Figure]:
    """Yield transactions per second and CPU of an idle worker, beside a raw LISTEN loop."""
    databases = (run.database, run.second_database)
    for database in databases:
        load.begin(database, run.sizes.done)
        database.close()  # the measurer asks in a third database, so that it does not count itself
    _autovacuum(run, "off")  # its transactions count in the databases it visits
    with ExitStack() as stack:
        crews = (
            stack.enter_context(product_crew("per-event", run.database)),
            stack.enter_context(raw_crew(run.second_database)),
        )
        for crew in crews:
            crew.run_forever()
        time.sleep(min(SETTLE_SECONDS, run.sizes.idle_seconds))
        before = [(_transactions(run, database.name), time.monotonic()) for database in databases]
        cpu_before = [cpu_seconds(*crew.pids) for crew in crews]
        time.sleep(run.sizes.idle_seconds)
        cpu = [cpu_seconds(*crew.pids) - earlier for crew, earlier in zip(crews, cpu_before, strict=True)]
        for crew in crews:
            crew.check()
        rates = [
            (_transactions(run, database.name) - count) / (time.monotonic() - moment)
            for database, (count, moment) in zip(databases, before, strict=True)
        ]
    _autovacuum(run, "on")
    percent = [100 * seconds / run.sizes.idle_seconds for seconds in cpu]
    yield Figure("idle", "transactions, beside raw LISTEN", rates[0], "per s", rates[1], target=TRANSACTIONS)
    yield Figure("idle", "CPU of the process, beside raw LISTEN", percent[0], "%", percent[1], target=CPU)


def _transactions(run: Run, database: str) -> int:
    (count,) = run.admin.row("SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = %s", (database,))
    return int(count)


def _autovacuum(run: Run, value: str) -> None:
    run.admin.execute(f"ALTER SYSTEM SET autovacuum = {value}")
    run.admin.execute("SELECT pg_reload_conf()")
