"""Requeues: dead events come back while workers are busy with the events behind them. Each is handled once."""

from __future__ import annotations

from functools import partial

from dev.waiting import Stalled, wait_until
from lab.chaos.checker import check
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.ledger import Account, Told
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.instruments.readings import store
from outbox.services import requeue_dead_event

SECONDS = 240.0
SOME_DEAD = 5
# What a person does first: mends the handler. Here the event is told to behave.
MEND = "UPDATE outbox_outboxevent SET payload = payload || '{\"conduct\": \"\"}' WHERE status = 'FAILED'"
DEAD = "SELECT count(*) FROM outbox_outboxevent WHERE status = 'FAILED'"


def run(lab: Laboratory) -> Outcome:
    """Let the first event of each gauge end dead. Requeue the dead while there is a backlog."""
    gauges, events = (40, 10) if lab.quick else (200, 50)
    account = Account()
    with lab.fresh("requeues") as database:
        for position in range(1, events + 1):
            conduct = "fail" if position == 1 else ""
            store(lab, account, [(f"g{gauge}", position, conduct) for gauge in range(gauges)])
        crew = [lab.worker(f"worker-{n}", "--batch-size", "10", "--max-attempts", "1") for n in range(4)]
        requeued = rounds = 0
        while requeued < gauges:
            wanted = min(SOME_DEAD, gauges - requeued)
            wait_until(partial(_are_dead, database, wanted), seconds=SECONDS, what="dead events")
            requeued += _mend_and_requeue(lab, database, account)
            rounds += 1
        wait_until(lambda: not database.pending(), seconds=SECONDS, what="all events to be handled")
        outcome = Outcome("requeues", verdict=check(database, account))
        outcome.demand(all(worker.poll() is None for worker in crew), "a worker ended by itself")
        behind = database.value(
            "SELECT count(*) FROM chaos_effect a JOIN chaos_effect b USING (handler, aggregate_id)"
            " WHERE a.position = 1 AND b.position = 2 AND a.id < b.id AND handler = 'chaos.each'"
        )
        outcome.figures = {
            "events": gauges * events,
            "requeued": requeued,
            "rounds": rounds,
            "before_their_successors": behind,
        }
    return outcome


def _are_dead(database: Database, wanted: int) -> bool:
    return int(database.value(DEAD)) >= wanted


def _mend_and_requeue(lab: Laboratory, database: Database, account: Account) -> int:
    dead = [
        event_id for (event_id,) in database.rows("SELECT event_id FROM outbox_outboxevent WHERE status = 'FAILED'")
    ]
    database.execute(MEND)

    def requeue() -> None:
        for event_id in dead:
            requeue_dead_event(event_id=event_id, actor=None, reason=f"mended {event_id}")

    child = lab.fork("requeue", requeue)
    if child.wait(SECONDS) != 0:
        raise Stalled(f"the events could not be requeued: {child.last_words()}")
    for event_id in dead:
        account.note("requeue", f"mended {event_id}", Told.ACKNOWLEDGED)
    return len(dead)
