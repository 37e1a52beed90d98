"""Poison: events that always fail end dead, and harm no other."""

from __future__ import annotations

from dev.waiting import wait_until
from lab.chaos.checker import check
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.gauges import ALWAYS_FAIL
from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.ledger import Account
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.instruments.readings import store

MAX_ATTEMPTS = 3
SECONDS = 60.0
OLDEST_SECONDS = 5.0
HOOKED_OF = 20  # one of so many events raises after the commit, when it can harm nobody
HEALTHY = "payload->>'conduct' IN ('', 'hook')"


def run(lab: Laboratory) -> Outcome:
    """Publish events of which a tenth always fails, each kind in turn. Measure how long the healthy ones waited."""
    number = 200 if lab.quick else 1000
    drawn = lab.chance().sample(range(number), number // 10)
    poison = {n: ALWAYS_FAIL[k % len(ALWAYS_FAIL)] for k, n in enumerate(drawn)}
    # Each gauge has one event, except that a poisoned one has a healthy one behind it.
    readings = [(f"g{n}", 1, poison.get(n) or ("" if n % HOOKED_OF else "hook")) for n in range(number)]
    readings += [(f"g{n}", 2, "") for n in sorted(poison)]
    account = Account()
    options = ("--poll-interval", "1", "--max-attempts", str(MAX_ATTEMPTS))
    with lab.fresh("poison") as database:
        crew = [lab.worker(f"worker-{n}", *options) for n in range(2)]
        wait_until(lambda: len(database.backends("qhse-worker-side")) == 2, seconds=30, what="the workers to listen")
        for start in range(0, len(readings), 100):
            store(lab, account, readings[start : start + 100])
        wait_until(lambda: not database.pending(), seconds=SECONDS, what="no event to be pending")
        outcome = Outcome("poison", verdict=check(database, account, dead=[f"g{n}/1" for n in poison]))
        outcome.demand(all(worker.poll() is None for worker in crew), "a worker ended by itself")
        outcome.figures = {"events": len(readings), "poison": len(poison), "kinds": len(ALWAYS_FAIL)}
        outcome.figures |= _judge(database, len(poison), outcome)
    return outcome


def _judge(database: Database, poison: int, outcome: Outcome) -> dict[str, object]:
    died, attempts = database.row(
        "SELECT count(*), coalesce(max(attempts), 0) FROM outbox_outboxevent WHERE status = 'FAILED'"
    )
    unnamed = database.value(
        "SELECT count(*) FROM outbox_outboxevent WHERE status = 'FAILED' AND last_error LIKE '[worker]%'"
    )
    harmed = database.value(f"SELECT count(*) FROM outbox_outboxevent WHERE {HEALTHY} AND attempts > 0")
    alone = f"{HEALTHY} AND (payload->>'position')::int = 1"
    oldest = database.value(
        f"SELECT extract(epoch FROM max(processed_at - created_at))::float8 FROM outbox_outboxevent WHERE {alone}"
    )
    outcome.demand(died == poison, f"{died} events are dead, {poison} should be")
    outcome.demand(attempts == MAX_ATTEMPTS, f"a dead event was tried {attempts} times, not {MAX_ATTEMPTS}")
    outcome.demand(unnamed == 0, f"{unnamed} dead events name no handler's error, as if a worker had vanished")
    outcome.demand(harmed == 0, f"{harmed} healthy events were counted as failed")
    outcome.demand(oldest <= OLDEST_SECONDS, f"a healthy event waited {oldest:.1f} s")
    return {"dead": died, "oldest_healthy": oldest}
