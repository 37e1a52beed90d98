"""Replica: it lags, is killed, stands still, is promoted. Who has written reads what they wrote, and no read fails."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev.postgres.server import SOCKET_NAME, PrivatePostgres
from dev.postgres.standby import Standby
from dev.waiting import wait_until
from lab.chaos.instruments import children
from lab.chaos.instruments.children import Child
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.environment import use_database
from lab.chaos.instruments.laboratory import SERVER_SETTINGS, Laboratory
from lab.chaos.instruments.outcome import Outcome
from lab.chaos.instruments.own_server import own_server
from lab.chaos.instruments.pairs import Tally, make_tokens, pairs
from lab.chaos.instruments.proxied import proxy
from lab.chaos.instruments.standby import point, promote
from outbox.leaving import LOCKS, PRESENCE

PAIRS = {"calm": 4000, "20 ms": 1500, "2 s": 1500, "paused": 1000, "killed": 500, "frozen": 500, "promoted": 1000}
QUICK_SHARE = 40
USERS = 120
TOGETHER, TOKENS_SECONDS = 250, 120.0  # tokens are good for five minutes, also on a machine that is busy
LEFT_ALONE_SECONDS = 60.0  # a process asks the replica again after ten
AWAY_SECONDS = 30.0


def run(lab: Laboratory) -> Outcome:
    """Do pairs of a write and a read while the replica is harmed in one way after the other. Then lose the primary."""
    outcome = Outcome("replica", {"pairs": 0, "stale": 0, "errors": 0, "on replica": 0})
    with own_server(lab) as other, Standby(other.server.directory, SERVER_SETTINGS) as standby:
        link = other.directory / "primary"
        point(link, other.server, SOCKET_NAME)
        with proxy(other, link) as line, other.fresh("replica") as database:
            copy = Database(standby, database.name)
            address = line.url(database)
            wait_until(lambda: _is_there(copy), what="the standby to have the database")
            use_database(database.url)
            _Trial(other, standby, copy, address, outcome).play(link)
            copy.close()
    return outcome


_RELAYS = (
    f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = {LOCKS} AND objid = {PRESENCE}"
)


class _Trial:
    def __init__(
        self, lab: Laboratory, standby: PrivatePostgres, copy: Database, address: str, outcome: Outcome
    ) -> None:
        self._lab, self._standby, self._copy, self._outcome = lab, standby, copy, outcome
        self._tokens, self._tokens_of = [""], 0.0
        env = {"DATABASE_URL": address, "REPLICA_DATABASE_URL": standby.url(copy.name)}
        self._crew = [
            children.spawn(name, ["manage.py", command], env=os.environ | env, log=lab.log(name))
            for name, command in (("worker", "run_outbox_worker"), ("relay", "run_outbox_relay"))
        ]
        self._port = lab.api(address, processes=2, threads=2, REPLICA_DATABASE_URL=env["REPLICA_DATABASE_URL"])

    def play(self, link: Path) -> None:
        try:
            self._play(link)
        finally:
            for child in self._crew:
                child.kill()

    def _play(self, link: Path) -> None:
        wait_until(self._is_used, seconds=LEFT_ALONE_SECONDS, what="the replica to be read", every=0.2)
        self._phase("calm", least_on_replica=1)
        for name, delay in (("20 ms", "20ms"), ("2 s", "2s")):
            with self._lagging(delay):
                self._phase(name)
        with self._paused():
            self._phase("paused")
        self._standby.stop("immediate")
        self._phase("killed")
        self._copy.close()
        self._standby.start()
        wait_until(self._is_used, seconds=LEFT_ALONE_SECONDS, what="the replica to be read again", every=0.2)
        with _frozen(self._standby):
            self._phase("frozen")
        wait_until(self._is_used, seconds=LEFT_ALONE_SECONDS, what="the replica to be read again", every=0.2)
        promote(self._standby)
        self._phase("promoted")
        self._lose_the_primary(link)

    def _phase(self, name: str, *, least_on_replica: int = 0) -> None:
        number = max(10, PAIRS[name] // (QUICK_SHARE if self._lab.quick else 1))
        tally = self._pairs(number)
        self._note(name, tally)
        self._outcome.demand(not tally.errors, f"{name}: {len(tally.errors)} errors, such as {tally.errors[:1]}")
        self._outcome.demand(tally.on_replica >= least_on_replica, f"{name}: only {tally.on_replica} on the replica")

    def _note(self, name: str, tally: Tally) -> None:
        self._outcome.demand(not tally.stale, f"{name}: {len(tally.stale)} of {tally.pairs} writers read the past")
        figures = self._outcome.figures
        for figure, value in (
            ("pairs", tally.pairs),
            ("stale", len(tally.stale)),
            ("errors", len(tally.errors)),
            ("on replica", tally.on_replica),
        ):
            figures[figure] += value
        figures[f"{name} on replica"] = f"{tally.on_replica:,} of {tally.pairs:,}"
        figures[f"{name} longest"] = tally.longest_read

    def _is_used(self) -> bool:
        """Answer whether nearly all read there: each process leaves it alone for a time of its own."""
        return self._pairs(12).on_replica >= 10

    def _pairs(self, number: int) -> Tally:
        tally = Tally()
        for start in range(0, number, TOGETHER):
            if time.monotonic() - self._tokens_of > TOKENS_SECONDS:
                self._tokens, self._tokens_of = make_tokens(self._lab, USERS), time.monotonic()
            tally += pairs(self._port, self._tokens, min(TOGETHER, number - start))
        return tally

    def _lose_the_primary(self, link: Path) -> None:
        """Crash it, and let its address lead to the promoted server. API, worker and relay go on by themselves."""
        self._lab.server.stop("immediate")
        lost_at = time.time()
        point(link, self._standby, SOCKET_NAME)
        use_database(self._copy.url)
        self._tokens_of = 0.0  # it does not know the logins of the last moments
        wait_until(self._writes, seconds=AWAY_SECONDS, what="the API to go on", every=0.05)
        self._outcome.figures["away"] = time.time() - lost_at
        tally = self._pairs(50 if self._lab.quick else 500)
        self._note("failover", tally)
        self._outcome.demand(
            len(tally.errors) <= 4, f"after the failover {len(tally.errors)} errors: {tally.errors[:1]}"
        )  # one for each thread whose line was still the old one
        sql = "SELECT count(*) FROM replica_beat WHERE at > to_timestamp(%s)"
        wait_until(lambda: self._copy.value(sql, [lost_at]), seconds=AWAY_SECONDS, what="a worker to beat there")
        wait_until(lambda: not self._copy.pending(), seconds=AWAY_SECONDS * 4, what="the worker to handle the rest")
        wait_until(lambda: self._copy.value(_RELAYS), seconds=AWAY_SECONDS, what="the relay to hold its lanes there")
        for child in self._crew:
            self._outcome.demand(_lives(child), f"the {child.name} ended: {child.last_words()[-500:]}")

    def _writes(self) -> bool:
        return not self._pairs(8).errors

    @contextmanager
    def _lagging(self, delay: str) -> Iterator[None]:
        """Let each commit be replayed so much later than it was made."""
        self._set("recovery_min_apply_delay", delay)
        yield
        self._set("recovery_min_apply_delay", "0")

    def _set(self, name: str, value: str) -> None:
        self._copy.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        self._copy.rows("SELECT pg_reload_conf()")

    @contextmanager
    def _paused(self) -> Iterator[None]:
        self._copy.rows("SELECT pg_wal_replay_pause()")
        yield
        self._copy.rows("SELECT pg_wal_replay_resume()")  # asked again if what it lets be replayed cancels it


def _is_there(copy: Database) -> bool:
    return bool(copy.value("SELECT to_regclass('replica_beat') IS NOT NULL"))


def _lives(child: Child) -> bool:
    return child.poll() is None


@contextmanager
def _frozen(server: PrivatePostgres) -> Iterator[None]:
    """Stop all processes of a server. Its lines stay open, and nobody answers."""
    parents = {int(path.name): path for path in Path("/proc").iterdir() if path.name.isdigit()}
    pids = [server.pid, *(pid for pid, path in parents.items() if _parent(path) == server.pid)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def _parent(path: Path) -> int:
    try:
        return int((path / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0
