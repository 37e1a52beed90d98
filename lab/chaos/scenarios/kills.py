"""Kills: a worker dies in the middle of a handler. Another has its events after one look at the outbox."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path

from dev.waiting import wait_until
from lab.chaos.checker import check
from lab.chaos.instruments.children import Child
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.effects import EACH
from lab.chaos.instruments.gauges import Conduct
from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.ledger import Account
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.instruments.readings import store
from lab.percentile import percentile

POLL_SECONDS = 1.0
SLACK_SECONDS = 1.0


def run(lab: Laboratory) -> Outcome:
    """Let an event kill the worker that has it. Measure when the other one has handled it."""
    kills = 2 if lab.quick else 20
    account = Account()
    took: list[float] = []
    with lab.fresh("kills") as database:
        crew = [_start(lab, number) for number in range(2)]
        for number in range(kills):
            # Both must be waiting: one that just starts would look at once.
            wait_until(lambda: len(database.backends("qhse-worker-side")) == 2, seconds=30, what="two workers")
            store(lab, account, [(f"k{number}", 1, "die"), (f"k{number}", 2, ""), (f"k{number}-b", 1, "")])
            victim: Child = wait_until(partial(_first_dead, crew), seconds=20, what="a kill")
            died_at = database.value("SELECT extract(epoch FROM clock_timestamp())::float8")
            if victim.code != -signal.SIGKILL:
                return Outcome("kills", complaints=[f"a worker ended with {victim.code}: {victim.last_words()}"])
            took.append(_handled_at(database, f"k{number}") - died_at)
            crew = [worker for worker in crew if worker is not victim] + [_start(lab, number + 2)]
        wait_until(lambda: not database.pending(), seconds=30, what="the last events")
        outcome = Outcome("kills", verdict=check(database, account))
    bound = POLL_SECONDS + SLACK_SECONDS
    outcome.demand(max(took) <= bound, f"a killed worker's event was handled after {max(took):.1f} s")
    outcome.figures = {"kills": kills, "poll": POLL_SECONDS, "p50": percentile(took, 50), "longest": max(took)}
    return outcome


def _start(lab: Laboratory, number: int) -> Child:
    return lab.worker(
        f"chaos-kill-{number}", "--poll-interval", str(POLL_SECONDS), setup=partial(_may_die, lab.directory)
    )


def _may_die(directory: Path) -> None:
    Conduct.deaths = directory


def _handled_at(database: Database, gauge: str) -> float:
    """Return when the event that killed was handled, by the database's clock."""
    sql = (
        "SELECT extract(epoch FROM at)::float8 FROM chaos_effect "
        "WHERE aggregate_id = %s AND position = 1 AND handler = %s"
    )
    rows = wait_until(lambda: database.rows(sql, [gauge, EACH]), seconds=30, what="the event to be handled")
    return float(rows[0][0])


def _first_dead(crew: list[Child]) -> Child | None:
    return next((worker for worker in crew if worker.poll() is not None), None)
