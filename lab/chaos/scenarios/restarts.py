"""Restarts: the database crashes under load, again and again. Everything else goes on by itself."""

from __future__ import annotations

import time

from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.load import Load

P95_SECONDS = 2.0
LEAST_ACKNOWLEDGED = 50_000
LOAD_SECONDS = (0.2, 1.4)  # between two crashes


def run(lab: Laboratory) -> Outcome:
    """Stop the server as a crash does, while writers, the API and workers use it. Start it again."""
    restarts = 3 if lab.quick else 100
    rng = lab.chance()
    outcome = Outcome("restarts")
    with lab.fresh("restarts") as database:
        load = Load(lab, database)
        load.start(writers=2, workers=2)
        ready = []
        for _ in range(restarts):
            time.sleep(rng.uniform(*LOAD_SECONDS))
            lab.server.restart("immediate")
            ready.append(time.time())
        time.sleep(LOAD_SECONDS[1])
        load.end(outcome)
        outcome.figures = {"restarts": restarts, **load.figures()}
        outcome.figures |= load.recovery(ready, outcome, p95_seconds=P95_SECONDS)
        if not lab.quick:
            acknowledged = outcome.figures["acknowledged"]
            outcome.demand(acknowledged >= LEAST_ACKNOWLEDGED, f"only {acknowledged:,} writes were acknowledged")
    return outcome
