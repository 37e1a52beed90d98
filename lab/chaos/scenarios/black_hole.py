"""Black hole: the line to the database goes silent without closing. The worker is back in time."""

from __future__ import annotations

import time
from functools import partial

from dev.waiting import wait_until
from lab.chaos.checker import check
from lab.chaos.instruments.children import Child
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.environment import use_database
from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.ledger import Account
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.instruments.proxied import ProxyProcess, proxy
from lab.chaos.instruments.readings import store
from lab.percentile import percentile

SECONDS = 30.0
GIVE_UP_SECONDS = 60.0
SHORT = ("--handler-timeout", "1", "--poll-interval", "0.5")
DEFAULTS = ("--handler-timeout", "10", "--poll-interval", "5")


def run(lab: Laboratory) -> Outcome:
    """Swallow the lines of idle workers, and of workers in the middle of a batch. Supervise them as systemd would."""
    rounds = [(SHORT, False)] if lab.quick else [(DEFAULTS, False), (DEFAULTS, True), *[(SHORT, True)] * 8]
    rng = lab.chance()
    account = Account()
    took: list[float] = []
    restarts = 0
    outcome = Outcome("black-hole")
    with lab.fresh("black-hole") as database, proxy(lab) as line:
        for number, (options, busy) in enumerate(rounds):
            supervised = _Supervised(lab, database, line, f"chaos-hole-{number}", options)
            if busy:
                use_database(database.url)
                store(lab, account, [(f"{number}-g{n}", 1, "slow:0.02") for n in range(100)])
                time.sleep(rng.uniform(0.05, 1.5))
            line.order("hole")
            started = time.monotonic()
            use_database(database.url)
            store(lab, account, [(f"{number}-probe", 1, "")])
            what = f"the worker of round {number} to come back"
            wait_until(supervised.has_handled_all, seconds=GIVE_UP_SECONDS, what=what, every=0.05)
            took.append(time.monotonic() - started)
            restarts += supervised.restarts
            supervised.worker.kill()
        outcome.verdict = check(database, account)
        outcome.figures = {"holes": len(rounds), "lines": line.count("holes"), "processes_replaced": restarts}
    outcome.demand(max(took) <= SECONDS, f"a worker was back after {max(took):.1f} s")
    outcome.figures |= {"p50": percentile(took, 50), "longest": max(took)}
    return outcome


class _Supervised:
    """A worker that is started again when it ends."""

    def __init__(
        self, lab: Laboratory, database: Database, line: ProxyProcess, name: str, options: tuple[str, ...]
    ) -> None:
        self.restarts = 0
        self._lab = lab
        self._database = database
        self._url = line.url(database)
        self._name = name
        self._options = options
        self.worker = self._start()
        self._wait_until_it_listens()

    def _start(self) -> Child:
        use_database(self._url)
        return self._lab.worker(self._name, *self._options)

    def _wait_until_it_listens(self) -> None:
        listening = partial(self._database.backends, "qhse-worker-side")
        wait_until(listening, seconds=GIVE_UP_SECONDS, what="the worker to listen")

    def has_handled_all(self) -> bool:
        """Answer whether nothing is pending. Start the worker again if it has ended."""
        if not self._database.pending():
            return True
        if self.worker.poll() is not None:
            self.restarts += 1
            self.worker = self._start()
        return False
