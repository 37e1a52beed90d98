"""Servers that have parted: a promoted one, one that follows a former primary, a copy of a clone. None is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection, connections
from django.db.backends.postgresql.base import DatabaseWrapper

from dev.postgres.standby import Standby
from qhse.replica import reading
from qhse.replica.breaker import breaker
from qhse.replica.gauges import replica_gauges
from qhse.replica.jobs import beat
from qhse.replica.models import Beat
from qhse.replica.router import PRIMARY, REPLICA
from qhse.replica.tests.conftest import Follower, replica_settings
from qhse.replica.tests.reasons import why

pytestmark = pytest.mark.postgres


class Clone(Standby):
    """A server that was copied and goes its own way, on the timeline of the original: a staging system."""

    def _fill(self, binaries: Path) -> None:
        super()._fill(binaries)
        (self.directory / "data" / "standby.signal").unlink()


@pytest.fixture
def second(replica: Follower) -> Iterator[Standby]:
    """One more standby of the tests' server."""
    server = connection.settings_dict
    with Standby(server["HOST"], durable=False, role=server["USER"]) as one:
        yield one


@pytest.fixture
def clone(replica: Follower) -> Iterator[Clone]:
    server = connection.settings_dict
    with Clone(server["HOST"], durable=False, role=server["USER"]) as one:
        yield one


@contextmanager
def on(server: Standby) -> Iterator[None]:
    """Let this server be the primary of the product."""
    usual = connections[PRIMARY]
    connections[PRIMARY] = DatabaseWrapper(deepcopy(usual.settings_dict) | {"HOST": str(server.directory)}, PRIMARY)
    try:
        yield
    finally:
        connections[PRIMARY].close()
        connections[PRIMARY] = usual


@contextmanager
def reading_from(server: Standby) -> Iterator[None]:
    """Let this server be the replica of the product."""
    usual = connections[REPLICA]
    connections[REPLICA] = DatabaseWrapper(replica_settings(server), REPLICA)
    try:
        yield
    finally:
        connections[REPLICA].close()
        connections[REPLICA] = usual


def catch_up(server: Standby) -> None:
    """Return when it has all that is on the product's primary."""
    follower = Follower(server)
    follower.catch_up()
    follower.hang_up()


def promote(server: Standby) -> None:
    """Make it a primary, with all that is on its former one now."""
    catch_up(server)
    with psycopg.connect(server.url("postgres"), autocommit=True) as line:
        line.execute("SELECT pg_promote(wait => true)")


def write_wal(number: int = 200) -> None:
    """Let the present primary's position move on, by what is nobody's."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE unrelated AS SELECT generate_series(1, {number})")
        cursor.execute("DROP TABLE unrelated")


def both(user: Any) -> set[tuple[str, str]]:
    """Return where lists and exact figures are read, and why, each as by a process that has just started."""
    found = set()
    for exact in (False, True):
        breaker.close()
        found.add(why(user, exact=exact))
    return found


def up() -> float:
    breaker.close()
    return next(metric.samples[0].value for metric in replica_gauges() if metric.name == "qhse_replica_up")


class TestAStandbyOfAFormerPrimary:
    def test_is_not_read_while_a_worker_still_runs_there(self, replica, second, users):
        promote(second)
        write_wal()
        Beat.objects.all().delete()  # the tests' own was just now: this is the worker's next
        beat()
        replica.catch_up()
        with on(second):
            beat()

            assert both(users["auditor"]) == {(PRIMARY, "unproven")}
            assert up() == 0

    def test_is_not_read_when_nobody_beats_anywhere(self, replica, second, users):
        """The newest beat is the same on both, and the other history may be longer."""
        promote(second)
        write_wal(20_000)
        replica.catch_up()
        with on(second):
            assert both(users["auditor"]) == {(PRIMARY, "no_beat")}

    def test_that_follows_the_new_primary_instead_is_read_again(self, replica, second, users):
        promote(second)
        server = connection.settings_dict
        with (
            on(second),
            Standby(second.directory, durable=False, role=server["USER"]) as third,
            reading_from(third),
        ):
            beat()
            catch_up(third)

            assert why(users["auditor"]) == (REPLICA, "fresh")
            assert up() == 1


class TestAPromotedReplica:
    def test_is_not_read_though_nobody_beats_any_more(self, replica, second, users, caplog):
        promote(second)
        with psycopg.connect(second.url(connection.settings_dict["NAME"]), autocommit=True) as line:
            line.execute("CREATE TABLE unrelated AS SELECT generate_series(1, 20000)")
        with reading_from(second):
            assert both(users["auditor"]) == {(PRIMARY, "unproven")}
            assert up() == 0
            assert why(users["auditor"]) == (PRIMARY, "unproven")
            assert breaker.is_open()
            assert why(users["auditor"]) == (PRIMARY, "unproven")
            assert connections[REPLICA].connection is None  # it was not asked again
        assert reading.UNPROVEN[:30] in caplog.text


def test_a_copy_of_a_clone_with_its_own_worker_is_not_read(replica, clone, users):
    server = connection.settings_dict
    with Standby(clone.directory, durable=False, role=server["USER"]) as copy:
        with on(clone):
            Beat.objects.all().delete()
            beat()
            write_wal()
            catch_up(copy)
        beat()

        with reading_from(copy):
            assert both(users["auditor"]) == {(PRIMARY, "unproven")}
            assert up() == 0


def test_a_list_has_nothing_of_the_other_history(replica, second, api, make_supplier):
    """As it was found: a list lacked what its own author had written, and had rows of the former primary."""
    clients = [api("procurement"), api("auditor")]
    promote(second)
    make_supplier(name="Written on the former primary")
    replica.catch_up()
    with on(second):
        beat()
        assert clients[0].post("/suppliers", {"name": "Oberland"}).status_code == 201
        answers = [client.get("/suppliers").json()["results"] for client in clients]

    assert [[each["name"] for each in answer] for answer in answers] == [["Oberland"], ["Oberland"]]
