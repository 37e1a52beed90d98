"""Freezes: a worker is stopped in the middle of a handler. Another does its work; then the first one wakes up."""

from __future__ import annotations

import signal

from dev.waiting import wait_until
from lab.chaos.checker import check
from lab.chaos.instruments.children import Child
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.gauges import Conduct
from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.ledger import Account
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.instruments.readings import store

SLEEPER, OTHER = "chaos-sleeper", "chaos-other"
# So that the server ends a transaction that idles after 5.5 seconds: `run_outbox_worker` adds 5.
OPTIONS = ("--poll-interval", "0.2", "--handler-timeout", "0.5")
LEFT_TO_THE_SERVER = 3  # cycles of a full run
OTHERS_SECONDS = 2.0


def run(lab: Laboratory) -> Outcome:
    """Freeze a worker again and again. Each time its transaction is ended, sometimes by the server's own bound."""
    cycles, left = (3, 0) if lab.quick else (100, LEFT_TO_THE_SERVER)
    account = Account()
    outcome = Outcome("freezes")
    with lab.fresh("freezes") as database:
        other = lab.worker(OTHER, *OPTIONS)
        sleeper = lab.worker(SLEEPER, *OPTIONS, setup=_may_freeze)
        replaced = said_before = 0
        for number in range(cycles):
            wait_until(lambda: database.backends(SLEEPER) and database.backends(OTHER), seconds=30, what="the workers")
            _cycle(lab, database, account, sleeper, other, number, by_the_server=number < left)
            if number < left:
                # Frozen for longer than any batch may take: its own watchdog ends it when it wakes up. While that
                # writes its last words, the worker may be back on the database.
                sleeper.send(signal.SIGTERM)
                sleeper.wait(15)
            if sleeper.poll() is not None:
                outcome.demand(number < left, f"the frozen worker ended with {sleeper.code}: {sleeper.last_words()}")
                sleeper = lab.worker(SLEEPER, *OPTIONS, setup=_may_freeze)
                replaced, said_before = replaced + 1, _times_said(sleeper)
        wait_until(lambda: not database.pending(), seconds=30, what="the last events")
        outcome.verdict = check(database, account)
        gone = _times_said(sleeper) - said_before + replaced
        outcome.demand(gone >= cycles, f"only {gone} of {cycles} times the frozen worker found its transaction gone")
        for worker in (sleeper, other):
            worker.send(signal.SIGTERM)
            outcome.demand(worker.wait(15) == 0, f"{worker.name} ended with {worker.code}")
        outcome.figures = {"freezes": cycles, "ended_by_the_server": left, "transactions_found_gone": gone}
    return outcome


def _times_said(worker: Child) -> int:
    """Return how often workers of this name have said that they lost the database."""
    return worker.log.read_text(errors="replace").count("database is away") if worker.log.exists() else 0


def _may_freeze() -> None:
    Conduct.may_freeze = True


def _cycle(
    lab: Laboratory,
    database: Database,
    account: Account,
    sleeper: Child,
    other: Child,
    number: int,
    *,
    by_the_server: bool,
) -> None:
    def handled(gauge: str) -> bool:
        return bool(database.value("SELECT count(*) >= 2 FROM chaos_effect WHERE aggregate_id = %s", [gauge]))

    # The other one must not take the event: it is stopped while it holds nothing, since nothing is pending.
    other.send(signal.SIGSTOP)
    other.wait_until_frozen(10)
    frozen, behind, beside = (f"{number}-frozen", 1, "freeze"), (f"{number}-frozen", 2, ""), (f"{number}-beside", 1, "")
    store(lab, account, [frozen, behind])
    sleeper.wait_until_frozen(20)
    other.send(signal.SIGCONT)
    store(lab, account, [beside])
    wait_until(lambda: handled(beside[0]), seconds=OTHERS_SECONDS, what="an event beside those of a frozen worker")
    if not by_the_server:
        database.terminate(SLEEPER)
    wait_until(lambda: not database.backends(SLEEPER), seconds=15, what="the frozen transaction to end")
    if number % 2 or by_the_server:
        wait_until(lambda: handled(frozen[0]), seconds=10, what="the other worker to have the frozen one's event")
    sleeper.send(signal.SIGCONT)
    wait_until(lambda: not database.pending(), seconds=20, what="both gauges' events to be handled")
    # It is back, or gone for good.
    wait_until(lambda: sleeper.poll() is not None or database.backends(SLEEPER), seconds=20, what="the frozen worker")
