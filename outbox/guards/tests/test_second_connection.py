"""The worker's second line hears notifications, forgets them, and is set as the first one is."""

from __future__ import annotations

import os
import tracemalloc
from contextlib import nullcontext

import pytest
from django.db import DatabaseError, connection

from outbox.guards.second_connection import SecondConnection
from qhse.deployment.connections import SESSION
from qhse.wakeup import CHANNEL

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def second():
    line = SecondConnection(nullcontext)
    yield line
    line.close()


@pytest.fixture
def nobody_wakes():
    """The end of a pipe to which nobody writes."""
    read_end, write_end = os.pipe()
    yield read_end
    os.close(read_end)
    os.close(write_end)


def notify(times: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(pg_notify(%s, n::text)) FROM generate_series(1, %s) n", [CHANNEL, times])


def test_what_a_busy_worker_hears_does_not_stay_in_its_memory(second):
    second.query("SELECT 1", [])
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(20):
            notify(10_000)
            second.query("SELECT 1", [])
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert after - before < 500_000  # bytes: of 200,000 notifications not one stays


def test_what_came_with_the_answer_to_a_statement_ends_the_next_wait(second, nobody_wakes):
    second.query("SELECT 1", [])
    notify(3)
    second.query("SELECT 1", [])

    assert second.wait(60.0, nobody_wakes)
    assert not second.wait(0.0, nobody_wakes)


def test_it_is_set_as_the_first_line_is_but_does_not_wait_for_the_disk(second):
    question = "SELECT lower(name), setting FROM pg_settings WHERE lower(name) = ANY (%s)"
    names = [*SESSION, "synchronous_commit", "application_name"]
    with connection.cursor() as cursor:
        cursor.execute(question, [names])
        first = dict(cursor.fetchall())

    its = dict(second.query(question, [names]))

    assert its == first | {"synchronous_commit": "off", "application_name": "qhse-worker-side"}


def test_one_that_cannot_be_set_is_not_used(second, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "SESSION", {"lock_timeout": "soon"})

    for _ in range(2):
        with pytest.raises(DatabaseError, match="lock_timeout"):
            second.query("SELECT 1", [])
    assert not second.is_alive()
