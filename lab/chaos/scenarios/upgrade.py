"""Upgrade: the schema is migrated while the former version serves, then both serve side by side, then the new one."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

import psycopg

from dev.http_client import is_ready
from dev.processes import ROOT
from dev.stack import HOST, api_command, free_port
from dev.waiting import wait_until
from lab.chaos.instruments import children
from lab.chaos.instruments.balanced import Balancer, Caller
from lab.chaos.instruments.children import Child
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.former import FormerIsAway, unpack
from lab.chaos.instruments.laboratory import PASSWORD, Laboratory
from lab.chaos.instruments.outcome import Outcome

REQUESTS = 20_000
QUICK_REQUESTS = 1_000
CALLERS = 4
NAME = "chaos_upgrade"
SETTLE_SECONDS = 300.0
STOP_SECONDS = 40.0
MIGRATE_SECONDS = 300.0
LOCK_TIMEOUT = "?options=-c%20lock_timeout%3D5s"
USERS = (
    "from qhse.accounts.services.users import create_user; from qhse.accounts.roles import Role\n"
    "for n in range({number}):\n"
    "    create_user(username=f'caller-{{n}}', password={password!r}, role=Role.ADMIN, actor=None)"
)


def run(lab: Laboratory) -> Outcome:
    """Upgrade as docs/operations.md says, with callers behind a balancer who must not notice."""
    outcome = Outcome("upgrade")
    try:
        tree = unpack(lab.directory)
    except FormerIsAway as error:
        outcome.not_played = str(error)
        return outcome
    with psycopg.connect(lab.server.url("postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {NAME}")
    database = Database(lab.server, NAME)
    upgrade = _Upgrade(lab, database, tree, outcome)
    try:
        upgrade.play()
    finally:
        upgrade.kill()
        database.close()
    return outcome


class _Upgrade:
    def __init__(self, lab: Laboratory, database: Database, former: Path, outcome: Outcome) -> None:
        self._lab, self._database, self._former, self._outcome = lab, database, former, outcome
        self._balancer = Balancer()
        self._callers: list[Caller] = []
        self._children: list[Child] = []
        self._share = (QUICK_REQUESTS if lab.quick else REQUESTS) // 4

    def play(self) -> None:
        """A quarter of the requests each: before, on the new schema, side by side, after."""
        self._manage(self._former, ["migrate", "--verbosity", "0"])
        self._manage(self._former, ["shell", "-c", USERS.format(password=PASSWORD, number=CALLERS)])
        old_worker, (old_api, old_port) = self._worker(self._former), self._api(self._former)
        self._start_callers()
        self._serve_another_share()

        before = self._migrations()
        self._manage(ROOT, ["migrate", "--verbosity", "0"], more=LOCK_TIMEOUT)
        applied = self._migrations() - before
        self._outcome.demand(applied > 0, "there is nothing to migrate: name a former version that is older")
        self._serve_another_share()

        worker = self._worker(ROOT)
        _, port = self._api(ROOT)
        self._serve_another_share()

        self._end(old_worker)
        self._balancer.take_out(old_port)
        self._end(old_api)
        self._serve_another_share()
        for caller in self._callers:
            caller.end()
        wait_until(lambda: not self._database.pending(), seconds=SETTLE_SECONDS, what="the worker to handle the rest")
        self._end(worker)
        self._judge(old_port, port, applied)

    def _start_callers(self) -> None:
        for number in range(CALLERS):
            self._callers.append(Caller(f"u{number}", self._balancer, f"caller-{number}", PASSWORD))
            self._callers[-1].start()

    def _serve_another_share(self) -> None:
        wanted = self._requests() + self._share
        wait_until(lambda: self._requests() >= wanted, seconds=SETTLE_SECONDS, what="the callers to be answered")

    def _requests(self) -> int:
        return sum(caller.requests for caller in self._callers)

    def _migrations(self) -> int:
        return int(self._database.value("SELECT count(*) FROM django_migrations"))

    def _judge(self, old_port: int, port: int, migrations: int) -> None:
        """Compare what callers were told with what is stored. Verify the trail, which both versions have written."""
        failed = [each for caller in self._callers for each in caller.failed]
        recorded = [each for caller in self._callers for each in caller.recorded]
        served = self._balancer.served
        self._outcome.figures = {
            "migrations": migrations, "requests": self._requests(), "failed": len(failed),
            "by the former": served[old_port], "by the new": served[port],
            "longest": max(caller.longest for caller in self._callers),
        }  # fmt: skip
        self._outcome.demand(not failed, f"failed, such as {failed[:3]}")
        stored = {name for (name,) in self._database.rows("SELECT name FROM suppliers_supplier")}
        self._outcome.verdict.lost += [f"supplier {name}" for name in recorded if name not in stored]
        dead = self._database.value("SELECT count(*) FROM outbox_outboxevent WHERE status = 'DEAD'")
        self._outcome.demand(not dead, f"{dead} events are dead")
        self._manage(ROOT, ["verify_audit_trail"])

    def _env(self, more: str = "") -> dict[str, str]:
        url = self._database.url
        return dict(os.environ) | {"DATABASE_URL": url + (more.replace("?", "&") if "?" in url else more)}

    def _manage(self, tree: Path, command: Sequence[str], *, more: str = "") -> None:
        name = command[0]
        child = children.spawn(
            name, ["manage.py", *command], env=self._env(more), log=self._lab.log(name), directory=tree
        )
        code = child.wait(MIGRATE_SECONDS)
        self._outcome.demand(code == 0, f"{name} ended with {code}: {child.last_words()[-800:]}")

    def _worker(self, tree: Path) -> Child:
        command = ["manage.py", "run_outbox_worker"]
        return self._start(f"worker-{tree.name}", command, tree, self._env())

    def _api(self, tree: Path) -> tuple[Child, int]:
        port = free_port()
        env = self._env() | {"GUNICORN_WORKERS": "1", "GUNICORN_THREADS": "4"}
        child = self._start(f"api-{tree.name}", api_command(port), tree, env)
        wait_until(lambda: is_ready(f"http://{HOST}:{port}"), seconds=60, what="the API to be ready")
        self._balancer.put_in(port)
        return child, port

    def _start(self, name: str, command: Sequence[str], tree: Path, env: dict[str, str]) -> Child:
        child = children.spawn(name, command, env=env, log=self._lab.log(name), directory=tree)
        self._children.append(child)
        return child

    def _end(self, child: Child) -> None:
        child.send(signal.SIGTERM)
        code = child.wait(STOP_SECONDS)
        self._outcome.demand(code == 0, f"{child.name} ended with {code}: {child.last_words()[-500:]}")

    def kill(self) -> None:
        for child in self._children:
            child.kill()
