"""Load: writers, an API and workers on one database. They go on by themselves, whatever is done to it."""

from __future__ import annotations

import signal
from bisect import bisect_left
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from dev.waiting import wait_until
from lab.chaos.checker import check, stored_among
from lab.chaos.instruments.children import Child
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.http_caller import be_http_caller
from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.ledger import Account, Told, read
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.instruments.writers import be_writer
from lab.percentile import percentile

SETTLE_SECONDS = 180.0
STOP_SECONDS = 30.0


class Load:
    """Starts with `start`. Ends with `end`: the workers finish, and the checker judges."""

    def __init__(self, lab: Laboratory, database: Database, *, url: str = "") -> None:
        self.workers: list[Child] = []
        self.account = Account()
        self._lab = lab
        self._database = database
        self._url = url or database.url  # of the API; forks connect where `use_database` says
        self._callers: list[Child] = []
        self._ledgers: dict[str, list[Path]] = {"writers": [], "api": []}

    def start(self, *, writers: int, workers: int) -> None:
        """Start workers, writers, and an API with a client. Return after the first effect."""
        self.start_workers(workers)
        self.start_writers(writers)
        self.start_api()
        wait_until(lambda: self._database.effects() > 0, seconds=60, what="a first effect")

    def start_workers(self, number: int, *options: str) -> None:
        self.workers += [self._lab.worker(f"worker-{n}", *options) for n in range(number)]

    def start_writers(self, number: int, *, pause: float = 0.0) -> None:
        """Start processes that call services, each with `pause` seconds between two writes."""
        for name in (f"w{n}" for n in range(number)):
            be_it = partial(be_writer, name, self._ledger("writers", name), pause=pause)
            self._callers.append(self._lab.fork(name, be_it))

    def start_api(self) -> None:
        """Start the API, and a client of it."""
        port = self._lab.api(self._url)
        be_it = partial(be_http_caller, "http", self._ledger("api", "http"), port=port)
        self._callers.append(self._lab.fork("http", be_it))

    def end(self, outcome: Outcome) -> None:
        """Stop the writers, wait until nothing is pending, stop the workers. Then check everything."""
        for caller in self._callers:
            caller.send(signal.SIGTERM)
        for caller in self._callers:
            code = caller.wait(STOP_SECONDS)
            outcome.demand(code == 0, f"{caller.name} ended with {code}: {caller.last_words()[-500:]}")
        wait_until(lambda: not self._database.pending(), seconds=SETTLE_SECONDS, what="the workers to handle the rest")
        for worker in self.workers:
            outcome.demand(worker.poll() is None, f"{worker.name} ended by itself: {worker.last_words()[-500:]}")
            worker.send(signal.SIGTERM)
            code = worker.wait(STOP_SECONDS)
            outcome.demand(code == 0, f"{worker.name} ended with {code}")
        self.account = read([path for paths in self._ledgers.values() for path in paths])
        outcome.verdict += check(self._database, self.account)

    def figures(self) -> dict[str, object]:
        """Return what was written, and how many writes of unknown outcome are stored."""
        unknown = self.account.count(Told.UNKNOWN)
        stored = stored_among(self._database, self.account, Told.UNKNOWN)
        return {
            "acknowledged": self.account.count(Told.ACKNOWLEDGED),
            "transactions": self.account.transactions,
            "unknown": f"{unknown:,} ({stored:,} stored)",
        }

    def recovery(self, ready: Sequence[float], outcome: Outcome, *, p95_seconds: float) -> dict[str, object]:
        """Return how long each kind of process took to succeed again after each moment of `ready`. Demand the bound."""
        sql = "SELECT extract(epoch FROM at)::float8 FROM chaos_effect ORDER BY at"
        effects = [at for (at,) in self._database.rows(sql)]
        series = {name: read(paths).acknowledged_at for name, paths in self._ledgers.items() if paths}
        figures: dict[str, object] = {}
        for name, times in (series | {"workers": effects}).items():
            waits = [times[at] - moment for moment in ready if (at := bisect_left(times, moment)) < len(times)]
            outcome.demand(len(waits) >= len(ready) - 1, f"{name}: no success after {len(ready) - len(waits)} faults")
            p95 = percentile(waits, 95)
            outcome.demand(p95 <= p95_seconds, f"{name} took {p95:.1f} s to go on (p95)")
            figures |= {
                f"{name}_p50": percentile(waits, 50),
                f"{name}_p95": p95,
                f"{name}_max": max(waits, default=0.0),
            }
        return figures

    def _ledger(self, kind: str, name: str) -> Path:
        path = self._lab.directory / f"{self._database.name}-{name}.ledger"
        path.touch()
        self._ledgers[kind].append(path)
        return path
