"""PgBouncer before the replica. In session mode that is read, in others left alone, with a reason of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.db import connection, connections
from django.db.backends.postgresql.base import DatabaseWrapper

from lab.chaos.instruments.pooler import PoolMode, find_pooler, pooler
from qhse.deployment import poolers
from qhse.replica import reading
from qhse.replica.breaker import breaker
from qhse.replica.gauges import replica_gauges
from qhse.replica.reading import Reader
from qhse.replica.router import PRIMARY, REPLICA
from qhse.replica.tests.conftest import Follower
from qhse.replica.tests.reasons import why

pytestmark = [pytest.mark.postgres, pytest.mark.skipif(find_pooler() is None, reason="pgbouncer is not installed")]

WARM_SERVERS = 4


@pytest.fixture
def behind(replica: Follower, tmp_path: Any) -> Any:
    """Let the replica be reached by a pooler."""

    @contextmanager
    def reach(mode: PoolMode, *, in_turns: bool = False, warm: bool = False) -> Iterator[None]:
        place: Any = SimpleNamespace(server=replica.server, log=lambda name: tmp_path / f"{name}.log")
        program = find_pooler()
        assert program
        usual = connections[REPLICA]
        with pooler(place, program, mode, in_turns=in_turns) as line:
            url = line.url(SimpleNamespace(name=connection.settings_dict["NAME"]))  # type: ignore[arg-type]
            if warm:
                _warm(url)
            parts = psycopg.conninfo.conninfo_to_dict(url)
            given = usual.settings_dict | {"HOST": parts["host"], "PORT": parts["port"], "USER": parts["user"]}
            connections[REPLICA] = DatabaseWrapper(given, REPLICA)
            try:
                yield
            finally:
                connections[REPLICA].close()
                connections[REPLICA] = usual

    return reach


def _warm(url: str) -> None:
    """Have the pooler open several servers, so that two clients may long be given different ones."""
    together = threading.Barrier(WARM_SERVERS)

    def hold(line: Any) -> None:
        with line.transaction():
            line.execute("SELECT 1")
            together.wait(30)

    with ExitStack() as lines:
        opened = [lines.enter_context(psycopg.connect(url, prepare_threshold=None)) for _ in range(WARM_SERVERS)]
        threads = [threading.Thread(target=hold, args=(line,)) for line in opened]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def test_in_session_mode_it_is_read(behind, users):
    with behind("session"):
        assert why(users["auditor"]) == (REPLICA, "fresh")
        assert Reader(users["auditor"]).read(lambda using: using) == REPLICA


@pytest.mark.parametrize("in_turns", [False, True])
@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_where_servers_change_hands_it_is_left_alone(behind, users, caplog, mode, in_turns):
    """As it was found: a standby lets nobody listen, so nothing was proven, and the line was used for ever."""
    with behind(mode, in_turns=in_turns, warm=in_turns and mode == "transaction"):
        assert why(users["auditor"]) == (PRIMARY, "pooler")
        assert breaker.is_open()
        assert connections[REPLICA].connection is None
        breaker.close()
        assert next(iter(replica_gauges())).samples[0].value == 0
    assert "pool_mode=session" in caplog.text


def test_of_which_nothing_can_be_proven_it_is_left_alone(behind, users, monkeypatch, caplog):
    monkeypatch.setattr(poolers, "_keeps_its_server", lambda wrapper: None)
    with behind("session"):
        assert why(users["auditor"]) == (PRIMARY, "pooler")
    assert "nothing could be proven" in caplog.text


def test_each_line_is_proven_anew(behind, users, monkeypatch):
    with behind("session"):
        assert why(users["auditor"]) == (REPLICA, "fresh")
        connections[REPLICA].close()
        monkeypatch.setattr(poolers, "_keeps_its_server", lambda wrapper: False)
        assert why(users["auditor"]) == (PRIMARY, "pooler")


def test_a_line_that_was_proven_is_not_replaced_by_another(replica, users):
    """A balancer may lead the next one to a server that lacks what this one has."""
    reader = Reader(users["auditor"])
    assert reader.using == REPLICA
    connections[REPLICA].close()

    assert reader.read(lambda using: using) == PRIMARY
    assert reading.connections[REPLICA].connection is None
