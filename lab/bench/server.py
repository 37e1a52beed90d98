"""The private server of a run, its databases, and the environment of the processes that use them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import psycopg

from dev.postgres.server import DATABASE, PrivatePostgres

SETTINGS = {
    "track_commit_timestamp": "on",  # tells when an effect was committed, at no cost for who commits it
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",  # checkpoints come between the rounds, where we ask for them
}
BYTES_PER_HISTORIC_EVENT = 1_500  # rows and indexes of an event and of the note that it was handled
LOG_BYTES = 5e9  # twice what the write-ahead log grows to
# From the caller's shell; nothing else of it decides what is measured.
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PG_BIN", "LD_LIBRARY_PATH")


class NotEnoughSpace(RuntimeError):
    """The history does not fit on the disk."""


def check_space(directory: Path, events: int) -> None:
    """Raise NotEnoughSpace when a history of so many events does not fit beside the server's data."""
    needed = events * BYTES_PER_HISTORIC_EVENT + LOG_BYTES
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise NotEnoughSpace(
            f"{events:,} events of history need {needed / 1e9:.0f} GB, {free / 1e9:.0f} GB are free; "
            "choose fewer (--history) or another place (TMPDIR)"
        )


def private_server() -> PrivatePostgres:
    """Return a server that is as durable as a real one, not yet started."""
    return PrivatePostgres(durable=True, settings=SETTINGS)


def environment(url: str) -> dict[str, str]:
    """Return the environment of a process of the product on this database, with the product's own defaults."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    return kept | {"QHSE_ENV": "dev", "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "qhse.settings"}


class Database:
    """One database of the server, by a connection of the measurer's own that commits each statement."""

    def __init__(self, server: PrivatePostgres, name: str = DATABASE) -> None:
        self.url = server.url(name)
        self.name = unquote(name)
        self._connection: psycopg.Connection[Any] | None = None

    @property
    def env(self) -> Mapping[str, str]:
        return environment(self.url)

    @property
    def connection(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            self._connection = psycopg.connect(self.url, autocommit=True, application_name="benchmark-measurer")
        return self._connection

    def execute(self, sql: str, parameters: Any = None) -> int:
        """Run a statement and return how many rows it touched."""
        return self.connection.execute(sql.encode(), parameters).rowcount

    def rows(self, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql.encode(), parameters).fetchall()

    def row(self, sql: str, parameters: Any = None) -> tuple[Any, ...]:
        (only,) = self.rows(sql, parameters)
        return only

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def copied_as(self, server: PrivatePostgres, name: str) -> Database:
        """Make another database with the same tables and rows; nobody else may be connected to this one."""
        self.close()
        with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{self.name}"'.encode())
        return Database(server, name)
