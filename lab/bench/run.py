"""What a benchmark is given: sizes, databases, the server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection

from dev.postgres.server import DATABASE, PrivatePostgres
from dev.waiting import wait_until
from lab.bench.crew import cpu_seconds, cpu_since
from lab.bench.sizes import Sizes
from lab.database import Database, copy_database
from qhse.deployment.connections import bound_connections


@dataclass(slots=True)
class Run:
    """
    One run.

    `database` is also Django's default. `second_database` and `third_database` are copies of it, made in the beginning;
    the third keeps a history, once a benchmark has built it. `admin` has nothing in it.
    """

    sizes: Sizes
    server: PrivatePostgres
    database: Database = field(init=False)
    second_database: Database = field(init=False)
    third_database: Database = field(init=False)
    admin: Database = field(init=False)
    history_is_built: bool = False

    def __post_init__(self) -> None:
        self.database = Database(self.server, DATABASE)
        self.admin = Database(self.server, "postgres")

    def copy_databases(self) -> None:
        """Copy the database, with its tables and its backlog. Nobody else may be connected."""
        self.database.close()
        self.second_database, self.third_database = self._copy("second"), self._copy("third")

    def _copy(self, name: str) -> Database:
        copy_database(self.server, self.database.name, name)
        return Database(self.server, name)

    @contextmanager
    def database_of_its_own(self, name: str) -> Iterator[Database]:
        """Yield a copy without the rows of other benchmarks: ids of its suppliers are counted from 1."""
        copy = Database(self.server, name)
        self.second_database.close()
        copy_database(self.server, self.second_database.name, copy.name)
        try:
            yield copy
        finally:
            copy.close()

    def spent(self, work: Callable[[], Any]) -> float:
        """Return the seconds of CPU that this process and the server spent on it."""
        processes = (self.server.pid, os.getpid())
        before = cpu_seconds(*processes)
        work()
        return cpu_since(before, *processes)

    @staticmethod
    @contextmanager
    def pointed_to(database: Database) -> Iterator[None]:
        """Let Django use this database."""
        before = connection.settings_dict["NAME"]
        connection.close()
        connection.settings_dict["NAME"] = database.name
        try:
            yield
        finally:
            connection.close()
            connection.settings_dict["NAME"] = before

    @staticmethod
    @contextmanager
    def workers_line() -> Iterator[None]:
        """Let Django's connection be planned for as a worker's is."""
        options = dict(connection.settings_dict["OPTIONS"])
        connection.ensure_connection()
        before: int = connection.connection.info.backend_pid
        try:
            bound_connections(statement=20, lock=8, idle_in_transaction=15, name="qhse-worker", prepared=True)
            # Its CPU is then of no process any more, and must not be taken off what is spent from now on.
            wait_until(lambda: not Path(f"/proc/{before}").exists(), what="the end of the session before")
            connection.ensure_connection()
            yield
        finally:
            bound_connections(statement=0, lock=0, idle_in_transaction=0, name="qhse")
            connection.settings_dict["OPTIONS"] = options

    def close(self) -> None:
        for database in (self.database, self.second_database, self.third_database, self.admin):
            database.close()
