"""The server of a run, a fresh database for each scenario, and the processes of the product on it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psycopg
from django.core.management import call_command

from dev.postgres.server import DATABASE, PrivatePostgres
from lab.chaos.instruments import children
from lab.chaos.instruments.children import Child
from lab.chaos.instruments.environment import use_database, with_own_bounds
from lab.chaos.instruments.gauges import EFFECT_TABLE
from lab.chaos.instruments.waiting import Stalled

Size = Literal["full", "quick"]

SERVER_SETTINGS = {"log_line_prefix": "", "max_wal_size": "1GB"}
READER = "chaos-reader"
RECONNECT_SECONDS = 30.0
USERS = ("quality", "procurement", "admin")
PASSWORD = "a-password-for-chaos-only"  # noqa: S105 (of a database that lives for a minute)


class Database:
    """One database, read by a connection of the laboratory's own that commits each statement."""

    def __init__(self, server: PrivatePostgres, name: str) -> None:
        self.name = name
        self.url = server.url(name)
        self._connection: psycopg.Connection[Any] | None = None

    def rows(self, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Read; while the server is away, wait for it."""
        deadline = time.monotonic() + RECONNECT_SECONDS
        while True:
            try:
                return self._open().execute(sql.encode(), parameters).fetchall()
            except psycopg.OperationalError:
                self.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def value(self, sql: str, parameters: Any = None) -> Any:
        """Return the first column of the first row."""
        return self.rows(sql, parameters)[0][0]

    def execute(self, sql: str, parameters: Any = None) -> int:
        """Run a statement once and return how many rows it touched."""
        return self._open().execute(sql.encode(), parameters).rowcount

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Take back afterwards what is executed in here."""
        with self._open().transaction(force_rollback=True):
            yield

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _open(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self.url, autocommit=True, application_name=READER)
        return self._connection

    # --- What most scenarios ask ----------------------------------------------------------------------------------

    def pending(self) -> int:
        return int(self.value("SELECT count(*) FROM outbox_outboxevent WHERE status = 'PENDING'"))

    def effects(self) -> int:
        return int(self.value("SELECT count(*) FROM chaos_effect"))

    def backends(self, application_name: str) -> list[int]:
        """Return the server processes that serve this application."""
        rows = self.rows(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s",
            [application_name],
        )
        return [pid for (pid,) in rows]

    def terminate(self, application_name: str = "") -> int:
        """End the connections of one application, or of everybody else; return how many there were."""
        return len(
            self.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND (application_name = %s OR %s = '')",
                [application_name, application_name],
            )
        )


@dataclass(slots=True)
class Laboratory:
    """What a scenario gets: the server, its size, chance, and somewhere to write logs and ledgers."""

    server: PrivatePostgres
    directory: Path
    size: Size = "full"
    seed: int = 0
    rounds: int = 5
    scenes: Sequence[str] = ()
    database_count: int = 0
    _children: list[Child] = field(default_factory=list)

    @property
    def quick(self) -> bool:
        return self.size == "quick"

    def chance(self) -> random.Random:
        """Return a source of chance that draws the same in each run with the same seed."""
        return random.Random(self.seed)

    def prepare(self) -> None:
        """Make the database that all others are copies of: migrated, with the table of effects and a few users."""
        use_database(self.server.url(DATABASE))
        child = self.fork("prepare", _prepare)
        if child.wait(120) != 0:
            raise Stalled(f"the database could not be prepared: {child.last_words()}")

    @contextmanager
    def fresh(self, name: str, *, template: str = DATABASE) -> Iterator[Database]:
        """Give a new database, a copy, to what this process forks; at the end all children are killed."""
        self.database_count += 1
        unique = f"chaos_{self.database_count}_{name}".replace("-", "_")
        with psycopg.connect(self.server.url("postgres"), autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{unique}" TEMPLATE "{template}"'.encode())
        database = Database(self.server, unique)
        use_database(database.url)
        try:
            yield database
        finally:
            self.kill_all()
            database.close()

    def log(self, name: str) -> Path:
        return self.directory / f"{name}.log"

    def fork(self, name: str, action: Callable[[], object]) -> Child:
        child = children.fork(name, action, log=self.log(name))
        self._children.append(child)
        return child

    def spawn(self, name: str, *command: str, env: dict[str, str]) -> Child:
        child = children.spawn(name, command, env=env, log=self.log(name))
        self._children.append(child)
        return child

    def worker(self, name: str, *options: str, setup: Callable[[], object] | None = None) -> Child:
        """Start the real worker command, with the laboratory's handlers; `name` is also that of its connection."""
        return self.fork(name, lambda: run_worker(*options, name=name, setup=setup))

    def kill_all(self) -> None:
        """End every child that is left; one that is frozen as well."""
        for child in self._children:
            child.kill()
        self._children.clear()


def run_worker(*options: str, name: str = "", setup: Callable[[], object] | None = None) -> None:
    """Be a worker: what `manage.py run_outbox_worker` does, in this process."""
    with_own_bounds(name)
    if setup:
        setup()
    call_command("run_outbox_worker", *options)


def _prepare() -> None:
    from django.db import connection

    from qhse.accounts.roles import Role
    from qhse.accounts.services.users import create_user

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(EFFECT_TABLE)
    for name in USERS:
        create_user(username=name, password=PASSWORD, role=Role(name), actor=None, is_staff=True)
