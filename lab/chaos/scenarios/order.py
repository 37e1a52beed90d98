"""Order: workers are many, and events fail at first. No event overtakes an earlier one of its aggregate."""

from __future__ import annotations

from dev.waiting import wait_until
from lab.chaos.checker import check
from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.ledger import Account
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.instruments.readings import store

FAILING_SHARE = 0.3
SECONDS = 240.0


def run(lab: Laboratory) -> Outcome:
    """Let workers share a backlog in which every third event fails at its first attempt."""
    workers, gauges, events = (4, 12, 12) if lab.quick else (8, 40, 50)
    rng = lab.chance()
    account = Account()
    failing = 0
    with lab.fresh("order") as database:
        # Published position by position, so that the gauges' events lie between each other.
        for position in range(1, events + 1):
            conducts = [_conduct(rng.random()) for _ in range(gauges)]
            failing += sum(bool(conduct) for conduct in conducts)
            store(lab, account, [(f"g{gauge}", position, conduct) for gauge, conduct in enumerate(conducts)])
        crew = [
            lab.worker(f"worker-{number}", "--batch-size", "20", "--poll-interval", "0.1") for number in range(workers)
        ]
        wait_until(lambda: not database.pending(), seconds=SECONDS, what="all events to be handled")
        outcome = Outcome("order", verdict=check(database, account))
        outcome.demand(all(worker.poll() is None for worker in crew), "a worker ended by itself")
        outcome.figures = {
            "workers": workers,
            "aggregates": gauges,
            "events": events * gauges,
            "failed_at_first": failing,
            "attempts_counted": database.value("SELECT sum(attempts)::int FROM outbox_outboxevent"),
        }
    return outcome


def _conduct(draw: float) -> str:
    if draw >= FAILING_SHARE:
        return ""
    return "fail:1" if draw < FAILING_SHARE / 2 else "fail-together:1"
