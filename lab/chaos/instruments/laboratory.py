"""The server of a run, a fresh database for each scenario, and the product's processes on it."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.core.management import call_command

from dev.http_client import is_ready
from dev.postgres.server import DATABASE, PrivatePostgres
from dev.stack import HOST, api_command, free_port
from dev.waiting import Stalled, wait_until
from lab.chaos.instruments import children
from lab.chaos.instruments.children import Child
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.effects import EFFECT_TABLE
from lab.chaos.instruments.environment import use_database, with_own_bounds
from lab.database import copy_database

SERVER_SETTINGS = {"log_line_prefix": "", "max_wal_size": "1GB"}
USERS = ("quality", "procurement", "admin")
PASSWORD = "a-password-for-chaos-only"  # noqa: S105 (of a database that lives for a minute)


@dataclass(slots=True)
class Laboratory:
    """What a scenario gets: the server, its size, its chance, and a directory for logs and ledgers."""

    server: PrivatePostgres
    directory: Path
    quick: bool = False
    seed: int = 0
    rounds: int = 5
    scenes: Sequence[str] = ()
    database_count: int = 0
    crashes: list[str] = field(default_factory=list)
    """Last words of forked children whose action raised. Whatever was done to a process, that is not right."""
    _children: list[Child] = field(default_factory=list)
    _failing: list[Child] = field(default_factory=list)

    def chance(self) -> random.Random:
        """Return a source of chance. It draws the same in each run with the same seed."""
        return random.Random(self.seed)

    def prepare(self) -> None:
        """Make the database that all others are copies of, with the table of effects and a few users."""
        use_database(self.server.url(DATABASE))
        child = self.fork("prepare", _prepare)
        if child.wait(120) != 0:
            raise Stalled(f"the database could not be prepared: {child.last_words()}")

    @contextmanager
    def fresh(self, name: str, *, template: str = DATABASE) -> Iterator[Database]:
        """Give a new database, a copy, to what this process forks. At the end all children are killed."""
        self.database_count += 1
        unique = f"chaos_{self.database_count}_{name}".replace("-", "_")
        copy_database(self.server, template, unique)
        database = Database(self.server, unique)
        use_database(database.url)
        try:
            yield database
        finally:
            self.kill_all()
            database.close()

    def log(self, name: str) -> Path:
        return self.directory / f"{name}.log"

    def fork(self, name: str, action: Callable[[], object], *, may_fail: bool = False) -> Child:
        """Run an action in a child. Unless it `may_fail`, an error that it raises is a fault of the scenario."""
        child = children.fork(name, action, log=self.log(name))
        (self._failing if may_fail else self._children).append(child)
        return child

    def worker(self, name: str, *options: str, setup: Callable[[], object] | None = None) -> Child:
        """Start the real worker command, with the laboratory's handlers. Its connection bears the name, too."""
        return self.fork(name, lambda: run_worker(*options, name=name, setup=setup))

    def api(self, url: str, *, processes: int = 1, threads: int = 2, **variables: str) -> int:
        """Start the API on the database of this URL, and return its port when it is ready."""
        port = free_port()
        env = {"DATABASE_URL": url, "GUNICORN_WORKERS": str(processes), "GUNICORN_THREADS": str(threads), **variables}
        self._children.append(children.spawn("api", api_command(port), env=os.environ | env, log=self.log("api")))
        wait_until(lambda: is_ready(f"http://{HOST}:{port}"), seconds=60, what="the API to be ready")
        return port

    def kill_all(self) -> None:
        """End every child that is left, frozen ones too."""
        for child in self._children:
            child.kill()
            if child.crash:
                self.crashes.append(child.crash)
        for child in self._failing:
            child.kill()
        self._children.clear()
        self._failing.clear()


def run_worker(*options: str, name: str = "", setup: Callable[[], object] | None = None) -> None:
    """Be a worker: do in this process what `manage.py run_outbox_worker` does."""
    with_own_bounds(name)
    if setup:
        setup()
    call_command("run_outbox_worker", *options)


def run_relay(*, name: str, broker: str) -> None:
    """Be a relay to this broker: do in this process what `manage.py run_outbox_relay` does."""
    settings.BROKER_URL = broker
    with_own_bounds(name)
    call_command("run_outbox_relay")


def _prepare() -> None:
    from django.db import connection

    from qhse.accounts.roles import Role
    from qhse.accounts.services.users import create_user

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(EFFECT_TABLE)
    for name in USERS:
        create_user(username=name, password=PASSWORD, role=Role(name), actor=None, is_staff=True)
