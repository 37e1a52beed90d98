"""Crowded: others take every connection that the server has, under load. No event is blamed, and all go on."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress

import psycopg

from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.load import Load

HELD_SECONDS = 1.0
P95_SECONDS = 3.0
OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def run(lab: Laboratory) -> Outcome:
    """End everybody's connections, take all that there are, and give them back."""
    rounds = 3 if lab.quick else 20
    outcome = Outcome("crowded")
    with lab.fresh("crowded") as database:
        load = Load(lab, database)
        load.start(writers=2, workers=2)
        most, squeezed_out, moments = 0, 0, []
        for _ in range(rounds):
            with ExitStack() as crowd:
                taken, out = _take_all(lab, crowd), False
                ends_at = time.monotonic() + HELD_SECONDS
                while time.monotonic() < ends_at:
                    if not out:  # who is quick gets a place again that has just become free
                        database.terminate()
                    taken += _take_all(lab, crowd)
                    out = database.value(OTHERS) == 0
                most, squeezed_out = max(most, taken), squeezed_out + out
            moments.append(time.time())
            time.sleep(1.5)
        load.end(outcome)
        counted = database.value("SELECT count(*) FROM outbox_outboxevent WHERE attempts > 0")
        outcome.demand(counted == 0, f"{counted} events were counted as failed")
        outcome.demand(squeezed_out > 0, "somebody of the product was connected at the end of every round")
        outcome.figures = {"rounds": rounds, "connections_taken": most, "squeezed_out": squeezed_out, **load.figures()}
        outcome.figures |= load.recovery(moments, outcome, p95_seconds=P95_SECONDS)
    return outcome


def _take_all(lab: Laboratory, crowd: ExitStack) -> int:
    """Connect until the server refuses. Return how often it did not."""
    taken = 0
    with suppress(psycopg.OperationalError):
        while True:
            crowd.enter_context(psycopg.connect(lab.server.url("postgres"), autocommit=True))
            taken += 1
    return taken
