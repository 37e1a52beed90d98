"""A real standby of the server that the tests run on, and the settings of an installation that has one."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import psycopg
import pytest
from django.db import connection, connections
from django.db.backends.postgresql.base import DatabaseWrapper

from dev.postgres.standby import Standby
from dev.waiting import wait_until
from qhse.replica.breaker import breaker
from qhse.replica.jobs import beat
from qhse.replica.router import REPLICA


@pytest.fixture(scope="session")
def standby(django_db_setup: None) -> Iterator[Standby]:
    """One for all tests of a process: it takes a second. Each leaves it as it was: running, and replaying."""
    server = connection.settings_dict
    with Standby(server["HOST"], durable=False, role=server["USER"]) as one:
        yield one


class Follower:
    """The standby of one test."""

    def __init__(self, server: Standby) -> None:
        self.server = server
        self._database = str(connection.settings_dict["NAME"])
        self._line = psycopg.connect(server.url(self._database), autocommit=True)

    def ask(self, sql: str) -> Any:
        row = self._line.execute(sql).fetchone()  # type: ignore[call-overload]
        return row and row[0]

    def catch_up(self) -> None:
        """Return when it has replayed all that is on the primary now."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_wal_insert_lsn()::text")
            (position,) = cursor.fetchone()
        self.reach(position)

    def reach(self, position: str) -> None:
        """Return when it has replayed so far."""
        wait_until(
            lambda: self.ask(f"SELECT pg_last_wal_replay_lsn() >= '{position}'::pg_lsn"),
            seconds=60.0,  # it replays what the tests of all other processes write
            what="the standby to catch up",
        )

    def stop_replaying(self) -> None:
        """Let it lag behind from now on. It has all that is written so far."""
        self.catch_up()
        self.ask("SELECT pg_wal_replay_pause()")
        wait_until(
            lambda: self.ask("SELECT pg_get_wal_replay_pause_state()") == "paused", what="the standby to lag behind"
        )

    def hang_up(self) -> None:
        self._line.close()

    def close(self) -> None:
        self.server.start()  # after a test that stopped it
        self.hang_up()
        with psycopg.connect(self.server.url(self._database), autocommit=True) as line:
            line.execute("SELECT pg_wal_replay_resume()")


def replica_settings(server: Standby) -> dict[str, Any]:
    """Return the settings of the connection to a replica, as an installation has them."""
    given = deepcopy(connection.settings_dict)
    given |= {"HOST": str(server.directory), "PORT": ""}
    given["OPTIONS"] |= {"connect_timeout": 2}
    given["SESSION"] = given.get("SESSION", {}) | {
        "default_transaction_read_only": "on", "statement_timeout": "10s"
    }  # fmt: skip
    return given


@pytest.fixture
def replica(
    transactional_db: None, standby: Standby, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Follower]:
    """An installation whose replica follows it, with a worker that has just beaten. Its bounds suit a busy machine."""
    settings.REPLICA_MAX_LAG = 60.0
    monkeypatch.setattr("qhse.replica.asking.ANSWER_SECONDS", 10.0)
    # Beside the settings: Django's tests let only those connections through that they have not been told of.
    connections[REPLICA] = DatabaseWrapper(replica_settings(standby), REPLICA)
    settings.REPLICA, settings.DATABASE_ROUTERS = True, ["qhse.replica.router.PrimaryRouter"]
    breaker.close()
    beat()
    follower = Follower(standby)
    follower.catch_up()
    yield follower
    connections[REPLICA].close()
    del connections[REPLICA]
    breaker.close()
    follower.close()
