"""How fast old handled events are removed, beside the two DELETE statements that do the least."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from django.core.management import get_commands

from dev.stack import run_manage
from lab.bench import history, load
from lab.bench.figures import Figure, Target
from lab.bench.run import Run
from lab.bench.server import environment

DAYS = [load.HISTORY_DAYS * tenths // 10 for tenths in (9, 8)]  # of two tenths of the history, one after the other
BATCH = 5_000
AT_LEAST = Target("≥", 10_000.0, "value")


def measure(run: Run) -> Iterator[Figure]:
    """Yield how many events a second `prune_outbox` removes. A tenth of the history is old enough."""
    if "prune_outbox" not in get_commands():
        return
    history.build(run)
    ours, removed = _timed(run, lambda: _prune(run, DAYS[0]))
    theirs, _ = _timed(run, lambda: _raw(run, DAYS[1]))
    name = f"{removed:,} of {run.sizes.history:,} events removed, beside two plain DELETEs for each {BATCH:,}"
    yield Figure("prune", name, ours, "events/s", theirs, ratio=ours / theirs, target=AT_LEAST)


def _timed(run: Run, remove: Callable[[], None]) -> tuple[float, int]:
    before = _events(run)
    started = time.monotonic()
    remove()
    seconds = time.monotonic() - started
    removed = before - _events(run)
    return removed / seconds, removed


def _prune(run: Run, days: int) -> None:
    run_manage("prune_outbox", "--older-than", str(days), "--verbosity=0", env=environment(run.third_database.url))


def _raw(run: Run, days: int) -> None:
    """Walk along the primary key as the product does, but without locks or a thought of other pruners."""
    first, last = run.third_database.row("SELECT min(id), max(id) FROM outbox_outboxevent")
    for start in range(first, last + 1, BATCH):
        with run.third_database.connection.transaction():
            gone = run.third_database.rows(
                "DELETE FROM outbox_outboxevent WHERE id >= %s AND id < %s AND status = 'DONE'"
                " AND processed_at < now() - make_interval(days => %s) RETURNING event_id",
                [start, start + BATCH, days],
            )
            ids = [event_id for (event_id,) in gone]
            run.third_database.execute("DELETE FROM outbox_processedevent WHERE event_id = ANY (%s)", [ids])


def _events(run: Run) -> int:
    (count,) = run.third_database.row("SELECT count(*) FROM outbox_outboxevent")
    return int(count)
