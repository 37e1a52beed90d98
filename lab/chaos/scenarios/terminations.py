"""Terminations: all connections are ended on the server's side, every moment, under load."""

from __future__ import annotations

import time

from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.load import Load

EVERY_SECONDS = 0.3
P95_SECONDS = 2.0


def run(lab: Laboratory) -> Outcome:
    """End everybody's connections about three times a second."""
    rounds = 6 if lab.quick else 100
    rng = lab.chance()
    outcome = Outcome("terminations")
    with lab.fresh("terminations") as database:
        load = Load(lab, database)
        load.start(writers=2, workers=2)
        ended, moments = 0, []
        for _ in range(rounds):
            time.sleep(rng.uniform(0.5, 1.5) * EVERY_SECONDS)
            ended += database.terminate()
            moments.append(time.time())
        time.sleep(1.0)
        load.end(outcome)
        outcome.figures = {"rounds": rounds, "connections_ended": ended, **load.figures()}
        outcome.figures |= load.recovery(moments, outcome, p95_seconds=P95_SECONDS)
    return outcome
