"""How fast old handled events are removed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

from django.core.management import get_commands

from benchmarks import history, load
from benchmarks.crew import ROOT
from benchmarks.figures import Figure
from benchmarks.run import Run

KEPT_DAYS = load.HISTORY_DAYS * 9 // 10


def measure(run: Run) -> Iterator[Figure]:
    """Yield how many events a second `prune_outbox` removes of a history, a tenth of which is old enough."""
    if "prune_outbox" not in get_commands():
        return
    history.build(run)
    database = run.third_database
    before = _events(run)
    started = time.monotonic()
    subprocess.run(
        [sys.executable, "manage.py", "prune_outbox", "--older-than", str(KEPT_DAYS)],
        cwd=ROOT,
        env=database.env,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    seconds = time.monotonic() - started
    removed = before - _events(run)
    yield Figure("prune", f"{removed:,} of {before:,} events removed", removed / seconds, "events/s")


def _events(run: Run) -> int:
    (count,) = run.third_database.row("SELECT count(*) FROM outbox_outboxevent")
    return int(count)
