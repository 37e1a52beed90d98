"""Replay: events come back after they were handled, as from a backup. They have no second effect."""

from __future__ import annotations

from dev.waiting import Stalled, wait_until
from lab.chaos.checker import check
from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.ledger import Account
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.instruments.readings import store


def run(lab: Laboratory) -> Outcome:
    """Handle events, set them back to pending by hand, and let two workers have them again."""
    number, rounds = (40, 1) if lab.quick else (400, 5)
    account = Account()
    with lab.fresh("replay") as database:
        store(lab, account, [(f"g{n % 10}", n, "fail:1" if n % 4 == 0 else "") for n in range(number)])
        for turn in range(rounds + 1):
            if turn:
                database.execute(
                    "UPDATE outbox_outboxevent SET status = 'PENDING', processed_at = NULL, attempts = 0 "
                    "WHERE status = 'DONE'"
                )
            crew = [lab.worker(f"replay-{n}", "--poll-interval", "0.1") for n in range(2)]
            wait_until(lambda: not database.pending(), seconds=60, what="the events to be handled")
            for worker in crew:
                worker.kill()
        if not database.effects():
            raise Stalled("no handler ran")
        return Outcome("replay", {"events": number, "replays": number * rounds}, check(database, account))
