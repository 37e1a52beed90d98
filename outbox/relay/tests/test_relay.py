"""The loop of a relay, beside a server that ends its session."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest
from django.db import OperationalError, connection

from dev.waiting import wait_until
from outbox.leaving import LOCKS, PRESENCE, leaving_status
from outbox.liveness import LivenessFile
from outbox.relay.couriers import Turn
from outbox.relay.relay import STOP_SECONDS, Relay

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


RELAY = f"FROM pg_locks WHERE locktype = 'advisory' AND classid = {LOCKS} AND objid = {PRESENCE}"


class Idle:
    """A courier that has nothing to do, and asks the database nothing."""

    name = "idle"

    def __init__(self) -> None:
        self.turns = 0

    def take_over(self, lanes): ...

    def turn(self, lanes):
        self.turns += 1
        return Turn(0, None)

    def busy_lanes(self):
        return frozenset()

    def descriptors(self):
        return ()

    def stop(self, ends_at): ...


def test_goes_on_when_the_server_has_ended_its_session_while_it_was_idle():
    courier, failed = Idle(), []
    relay = Relay([courier])

    def run() -> None:
        try:
            relay.run_forever()
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    with psycopg.connect(
        **connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}, autocommit=True
    ) as line:
        wait_until(lambda: leaving_status().relays == 1, what="the relay to be there")
        ended = line.execute(f"SELECT pid, pg_terminate_backend(pid) {RELAY}").fetchall()
        assert len(ended) == 1
        wait_until(
            lambda: failed or line.execute(f"SELECT 1 {RELAY} AND pid <> {ended[0][0]}").fetchall(),
            what="the relay to be there again",
        )
    relay.stop()
    thread.join()

    assert failed == []


def test_a_session_that_ends_in_a_wait_is_told_as_the_databases_error():
    relay = Relay([Idle()])
    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    with psycopg.connect(
        **connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}, autocommit=True
    ) as line:
        line.execute("SELECT pg_terminate_backend(%s)", [pid])

    with pytest.raises((OperationalError, psycopg.OperationalError)) as raised:
        for _ in range(100):
            relay._wait(0.05)
    connection.close()

    assert type(raised.value) is OperationalError


class Stumbling(Idle):
    def stop(self, ends_at):
        raise RuntimeError("its line is torn")


def test_one_that_cannot_stop_in_good_order_keeps_nobody_else_from_it(tmp_path):
    other, liveness = Idle(), LivenessFile(tmp_path / "alive")
    stopped = []
    other.stop = lambda ends_at: stopped.append(True)  # type: ignore[method-assign]
    liveness.beat()

    with pytest.raises(RuntimeError, match="torn"):
        Relay([Stumbling(), other, Stumbling()], liveness=liveness).leave()

    assert stopped and connection.connection is None and not (tmp_path / "alive").exists()


def test_all_leave_within_the_time_of_one():
    told = []
    couriers = [Idle(), Idle()]
    for courier in couriers:
        courier.stop = told.append  # type: ignore[method-assign]
    ends_by = time.monotonic() + STOP_SECONDS

    Relay(couriers).leave()

    assert len(told) == 2 and len(set(told)) == 1
    assert ends_by <= told[0] <= time.monotonic() + STOP_SECONDS
