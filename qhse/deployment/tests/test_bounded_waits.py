"""A database that has stopped, though its kernel answers, keeps no thread of the HTTP server."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from dev.http_client import HttpClient, NoAnswer
from dev.processes import kept_variables, start_python
from dev.stack import HOST, api_command, free_port
from dev.waiting import wait_until
from qhse.deployment import bounded_waits, connections
from qhse.deployment.bounded_waits import bound_waits
from qhse.tests.waiting import frozen

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def little_margin(monkeypatch):
    monkeypatch.setattr(bounded_waits, "MARGIN_SECONDS", 0.1)


@pytest.fixture
def line() -> Iterator[psycopg.Connection[Any]]:
    connection.ensure_connection()
    with psycopg.connect(**connection.get_connection_params(), autocommit=True) as one:
        yield one


@pytest.fixture
def hangs_up(monkeypatch):
    """Let connections of Django that are opened in the test be those of the HTTP server, with a bound of 0.2 s."""
    connection.close()
    monkeypatch.setattr(connections, "_hangs_up", True)
    monkeypatch.setitem(connection.settings_dict, "SESSION", {"statement_timeout": "200"})
    yield
    connection.close()


@contextmanager
def asking(line: psycopg.Connection[Any], sql: str) -> Iterator[list[Any]]:
    """Let a thread ask a server that is frozen until the block ends. It yields where the answer comes afterwards."""
    told: list[Any] = []
    thread = threading.Thread(target=lambda: told.extend(line.execute(sql).fetchall()))
    with frozen(line):
        thread.start()
        yield told
    thread.join(20)


def test_a_wait_for_a_server_that_has_stopped_ends_and_closes_the_line(line):
    bound_waits(line, "200ms")

    with frozen(line), pytest.raises(psycopg.OperationalError, match="has not answered within"):
        line.execute("SELECT 1")

    assert line.closed


@pytest.mark.parametrize("bound", ["1min", "0", "never"])
def test_nobody_is_let_go_before_the_servers_own_bound(line, bound):
    bound_waits(line, bound)

    with asking(line, "SELECT 1") as told:
        wait_until(lambda: line.info.transaction_status == psycopg.pq.TransactionStatus.ACTIVE, what="the question")
        assert told == []

    assert told == [(1,)]


def test_a_statement_that_the_server_ends_itself_keeps_the_line(line):
    line.execute("SET statement_timeout = 50")
    bound_waits(line, "50ms")

    with pytest.raises(psycopg.errors.QueryCanceled):
        line.execute("SELECT pg_sleep(5)")

    assert line.execute("SELECT 2").fetchone() == (2,)


def test_a_wait_with_a_time_of_its_own_keeps_it(line):
    bound_waits(line, "50ms")
    line.execute("LISTEN nothing")

    try:
        heard = list(line.notifies(timeout=0.4))
    except psycopg.OperationalError as error:
        heard = error

    assert (heard, line.closed) == ([], False)


def test_a_line_ends_with_whoever_has_it():
    connection.ensure_connection()
    one = psycopg.connect(**connection.get_connection_params())
    bound_waits(one, "1s")
    known = weakref.ref(one)
    one.close()

    del one

    assert known() is None


def test_who_waits_in_a_transaction_learns_that_the_database_is_away(hangs_up):
    with pytest.raises(OperationalError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        with frozen(connection.connection):
            cursor.execute("SELECT 2")

    with connection.cursor() as cursor:
        cursor.execute("SELECT 3")
        assert cursor.fetchone() == (3,)


def test_who_waits_for_a_commit_learns_it_as_well(hangs_up):
    with ExitStack() as until_then, pytest.raises(OperationalError), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        until_then.enter_context(frozen(connection.connection))

    with connection.cursor() as cursor:
        cursor.execute("SELECT 2")
        assert cursor.fetchone() == (2,)


def test_a_thread_of_the_http_server_answers_503_and_serves_the_next_request(tmp_path):
    port = free_port()
    base, _, options = os.environ["TEST_DATABASE_URL"].partition("?")
    env = kept_variables() | {
        "QHSE_ENV": "dev", "GUNICORN_WORKERS": "1", "GUNICORN_THREADS": "1", "GUNICORN_LOG_LEVEL": "ERROR",
        "DATABASE_URL": f"{base.rpartition('/')[0]}/{connection.settings_dict['NAME']}?"
                        + "&".join(filter(None, [options, "options=-c%20statement_timeout%3D500"])),
    }  # fmt: skip

    def login() -> int | None:
        body = {"username": "nobody", "password": "wrong"}
        try:
            return HttpClient(f"http://{HOST}:{port}").send("POST", "/auth/login", body).status
        except NoAnswer:
            return None

    with (tmp_path / "log").open("wb") as log, start_python(api_command(port), env=env, stderr=log) as server:
        try:
            wait_until(lambda: lives(port), what="the server", seconds=60)
            assert login() == 401
            with frozen(backend()):
                assert login() == 503
            assert login() == 401
        finally:
            server.terminate()


def lives(port: int) -> bool:
    try:
        return HttpClient(f"http://{HOST}:{port}").send("GET", "/healthz").status == 200
    except NoAnswer:
        return False


def backend() -> int:
    """Return the server process of the API's one line."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'qhse-api' AND datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )
        ((pid,),) = cursor.fetchall()
    return int(pid)
