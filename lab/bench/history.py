"""What handled events cost: the claim and the drain, with ten million in the table and with few."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain

from lab.bench import load
from lab.bench.crew import Crew, product_crew
from lab.bench.figures import Figure, Target, compared
from lab.bench.run import Run
from lab.database import Database
from lab.percentile import percentile
from outbox.metrics import outbox_gauges

BATCH_SIZE = 100
CLAIM = Target("≤", 10.0, "value")


def measure(run: Run) -> Iterator[Figure]:
    """Yield the time of a claim and the rate of a drain with a long history, beside a short one."""
    build(run)
    rates, claims = _rounds(run)
    bare, loaded = run.database.name, run.third_database.name
    count = f"{run.sizes.history:,} done events, beside {run.sizes.done:,}"
    for percent, target in ((50.0, None), (95.0, CLAIM)):
        value, beside = percentile(claims[loaded], percent), percentile(claims[bare], percent)
        name = f"claim of {BATCH_SIZE} p{percent:g}, {count}"
        yield Figure("history", name, value, "ms", beside, ratio=value / beside, target=target)
    name = f"drain, set-based handler, batch {BATCH_SIZE}, 1 worker, {count}"
    yield compared("history", name, "events/s", rates[loaded], rates[bare])
    # Workers are scaled by what it says, so it is asked for every few seconds.
    looks = [[_look(run, database) for _ in range(run.sizes.rounds)] for database in (run.third_database, run.database)]
    yield compared("history", f"the outbox's part of /metrics, {count}", "ms", *looks)


def _look(run: Run, database: Database) -> float:
    with run.pointed_to(database):
        list(outbox_gauges())  # connects
        started = time.perf_counter()
        list(outbox_gauges())
        return (time.perf_counter() - started) * 1000


def build(run: Run) -> None:
    """Fill the third database with the history, if it has none yet."""
    if not run.history_is_built:
        load.add_history(run.third_database, run.sizes.history)
        run.history_is_built = True


def _rounds(run: Run) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Return, by name of the database, the rate of each round's drain and the milliseconds of each claim."""
    databases = (run.database, run.third_database)
    rates: dict[str, list[float]] = {database.name: [] for database in databases}
    claims: dict[str, list[float]] = {database.name: [] for database in databases}
    load.begin(run.database, run.sizes.done)
    with ExitStack() as stack:
        crews = [
            (database, stack.enter_context(product_crew("set-based", database, claims=True))) for database in databases
        ]
        for number in range(run.sizes.rounds + 1):
            for database, crew in crews:
                rate, times = _drain(run, database, crew)
                if number:  # the first round warms up
                    rates[database.name].append(rate)
                    claims[database.name] += times
    return rates, claims


def _drain(run: Run, database: Database, crew: Crew) -> tuple[float, list[float]]:
    (before,) = database.row("SELECT coalesce(max(id), 0) FROM benchmark_effect")
    if database is run.database:
        load.remove_backlog(database, run.sizes.done)
        before = 0
    load.add_backlog(database, run.sizes.backlog)
    told_at, answers = crew.drain(workers=1, batch_size=BATCH_SIZE)
    ended_at = load.check_and_time(database, events=run.sizes.backlog, since=before)
    return run.sizes.backlog / (ended_at - told_at), list(chain.from_iterable(answers))
