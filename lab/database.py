"""A database of the private server, by a connection of the laboratory's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from dev.postgres.server import PrivatePostgres

APPLICATION = "qhse-laboratory"


class Database:
    """One database. Its connection is opened at the first statement, and commits each."""

    def __init__(self, server: PrivatePostgres, name: str) -> None:
        self.name = name
        self.url = server.url(name)
        self._connection: psycopg.Connection[Any] | None = None

    @property
    def connection(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self.url, autocommit=True, application_name=APPLICATION)
        return self._connection

    def execute(self, sql: str, parameters: Any = None) -> int:
        """Run a statement once, and return how many rows it touched."""
        return self.connection.execute(sql.encode(), parameters).rowcount

    def rows(self, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql.encode(), parameters).fetchall()

    def row(self, sql: str, parameters: Any = None) -> tuple[Any, ...]:
        """Return the only row."""
        (only,) = self.rows(sql, parameters)
        return only

    def value(self, sql: str, parameters: Any = None) -> Any:
        """Return the first column of the first row."""
        return self.rows(sql, parameters)[0][0]

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Take back afterwards what is executed in here."""
        with self.connection.transaction(force_rollback=True):
            yield

    @contextmanager
    def snapshot_held(self) -> Iterator[None]:
        """Hold a snapshot in a transaction elsewhere, as pg_dump does. What dies meanwhile stays in the indexes."""
        with psycopg.connect(self.url, application_name=APPLICATION) as elsewhere:
            elsewhere.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            elsewhere.execute("SELECT 1")
            yield

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def copy_database(server: PrivatePostgres, template: str, name: str) -> None:
    """Make a database with the same tables and rows. Nobody may be connected to the template."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
