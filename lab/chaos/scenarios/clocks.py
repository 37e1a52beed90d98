"""Clocks: the database's clock jumps an hour ahead and back. What was published meanwhile is due at once."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev.waiting import Stalled, wait_until
from lab.chaos.checker import check
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.ledger import Account
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.instruments.own_server import own_server
from lab.chaos.instruments.readings import store

LIBRARY = "/usr/lib/*/faketime/libfaketime.so.1"
JUMP_SECONDS = 3600
SECONDS = 10.0
SOON_SECONDS = 3.0


def run(lab: Laboratory) -> Outcome:
    """Publish before, while and after the clock is ahead, with a worker that goes on and with one that starts then."""
    jumps = 2 if lab.quick else 10
    outcome = Outcome("clocks")
    library = next(iter(Path("/").glob(LIBRARY.removeprefix("/"))), None)
    if library is None:
        outcome.not_played = "libfaketime is not installed"
        return outcome
    account = Account()
    with (
        _clock() as clock,
        own_server(lab, variables=clock.variables(library)) as other,
        other.fresh("clocks") as database,
    ):
        clock.is_ahead_by(JUMP_SECONDS)
        _await_clock(database, ahead=True)
        store(other, account, _readings("early"))
        clock.is_ahead_by(0)
        _await_clock(database, ahead=False)
        other.worker("worker", "--poll-interval", "0.5")
        _demand_soon(outcome, database, "published while the clock was ahead")
        for number in range(jumps):
            clock.is_ahead_by(JUMP_SECONDS)
            _await_clock(database, ahead=True)
            store(other, account, _readings(f"ahead-{number}"))
            _demand_soon(outcome, database, "published and handled while the clock was ahead")
            clock.is_ahead_by(0)
            _await_clock(database, ahead=False)
            store(other, account, _readings(f"right-{number}"))
            _demand_soon(outcome, database, "published after the clock went back")
        outcome.verdict = check(database, account, settled=not outcome.complaints)
    outcome.figures |= {"jumps": 2 * (jumps + 1), "events": len(account.told)}
    return outcome


def _readings(name: str) -> list[tuple[str, int, str]]:
    """Return events of gauges of their own, and one for a gauge that all have in common."""
    return [(f"{name}-{gauge}", position, "") for gauge in range(10) for position in (1, 2)]


def _demand_soon(outcome: Outcome, database: Database, what: str) -> None:
    started = time.monotonic()
    try:
        wait_until(lambda: not database.pending(), seconds=SECONDS, what="all events to be handled")
    except Stalled:
        outcome.demand(False, f"{database.pending()} events wait after {SECONDS:g} s: {what}")
        return
    took = time.monotonic() - started
    outcome.demand(took <= SOON_SECONDS, f"{took:.1f} s until all was handled: {what}")
    outcome.figures["longest"] = max(took, outcome.figures.get("longest", 0.0))


def _await_clock(database: Database, *, ahead: bool) -> None:
    def is_set() -> bool:
        there = database.value("SELECT extract(epoch FROM clock_timestamp())::float8")
        return bool((there - time.time() > JUMP_SECONDS / 2) == ahead)

    wait_until(is_set, seconds=SECONDS, what="the server's clock to jump")


class _Clock:
    """The file by which libfaketime sets the clock of the server's processes."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "clock"
        self.is_ahead_by(0)

    def is_ahead_by(self, seconds: int) -> None:
        new = self._path.with_suffix(".new")
        new.write_text(f"+{seconds}s\n")
        new.chmod(0o644)
        new.rename(self._path)

    def variables(self, library: Path) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._path),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


@contextmanager
def _clock() -> Iterator[_Clock]:
    with tempfile.TemporaryDirectory(prefix="qhse-clock-") as directory:
        Path(directory).chmod(0o755)  # the server may run as somebody else
        yield _Clock(Path(directory))
