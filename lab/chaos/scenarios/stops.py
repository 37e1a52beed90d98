"""Stops: workers are told to end at random moments. They leave soon, and in good order."""

from __future__ import annotations

import signal
import time
from functools import partial

from dev.waiting import wait_until
from lab.chaos.checker import check
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.ledger import Account
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.instruments.readings import store
from lab.chaos.killing.worker_scenes import run_drain
from lab.percentile import percentile

GRACE_SECONDS = 10.0
LATEST_SECONDS = 0.3  # after the worker has connected
BACKLOG = 60
GAUGES = 12


def run(lab: Laboratory) -> Outcome:
    """Start a worker on a backlog, send SIGTERM at any moment, look what it left."""
    stops = 5 if lab.quick else 100
    rng = lab.chance()
    account = Account()
    outcome = Outcome("stops")
    took: list[float] = []
    published = 0
    with lab.fresh("stops") as database:
        for number in range(stops):
            if database.pending() < BACKLOG:
                batch = range(published, published + BACKLOG)
                store(lab, account, [(f"g{n % GAUGES}", n, "slow:0.003") for n in batch])
                published += BACKLOG
            name = f"chaos-stop-{number}"
            worker = lab.worker(name, "--batch-size", str(rng.choice((1, 5, 20))), "--poll-interval", "30")
            wait_until(partial(database.backends, name), seconds=30, what="the worker to connect")
            time.sleep(rng.uniform(0, LATEST_SECONDS))
            sent_at = time.monotonic()
            worker.send(signal.SIGTERM)
            code = worker.wait(GRACE_SECONDS * 2)
            took.append(time.monotonic() - sent_at)
            outcome.demand(code == 0, f"stop {number}: exit code {code}: {worker.last_words()[-300:]}")
            wait_until(partial(_is_gone, database, name), seconds=5, what="its connection to end")
            outcome.demand(_stranded(database) == 0, f"stop {number}: events are stranded")
        lab.fork("drain", run_drain).wait(120)
        outcome.verdict = check(database, account)
    outcome.demand(max(took) <= GRACE_SECONDS, f"a worker took {max(took):.1f} s to end")
    outcome.figures = {"stops": stops, "p50": percentile(took, 50), "p95": percentile(took, 95), "longest": max(took)}
    return outcome


def _is_gone(database: Database, name: str) -> bool:
    return not database.backends(name)


def _stranded(database: Database) -> int:
    """Return how many pending events nobody could take now, or lost an attempt."""
    free = "SELECT id FROM outbox_outboxevent WHERE status = 'PENDING' AND attempts = 0 FOR UPDATE SKIP LOCKED"
    return database.pending() - int(database.value(f"SELECT count(*) FROM ({free}) AS free"))
