"""The consumer of docs/examples: what is sent twice, late or again has its effect once."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from outbox.relay.messages import Message
from outbox.relay.tests.conftest import message

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]


@pytest.fixture(scope="module")
def consumer() -> ModuleType:
    path = Path(settings.BASE_DIR) / "docs" / "examples" / "consumer.py"
    spec = importlib.util.spec_from_file_location("consumer", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def database(consumer: ModuleType) -> Iterator[psycopg.Connection[Any]]:
    """Tables of another system: here in a schema of its own, for as long as the test lasts."""
    connection.ensure_connection()
    parameters = connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}
    with psycopg.connect(**parameters, autocommit=True) as line:
        line.execute("DROP SCHEMA IF EXISTS consumer CASCADE; CREATE SCHEMA consumer; SET search_path TO consumer")
        line.execute(consumer.INBOX)
        yield line
        line.execute("DROP SCHEMA consumer CASCADE")


def receive(consumer: ModuleType, database: psycopg.Connection[Any], sent: Message) -> None:
    headers = {f"cloudEvents_{name}": value for name, value in sent.attributes.items()} | sent.headers
    consumer.handle(database, sent.message_id, headers, sent.body)


def state(database: psycopg.Connection[Any]) -> tuple[list[Any], int]:
    rows = database.execute("SELECT nc_id, status FROM open_cases").fetchall()
    ((logged,),) = database.execute("SELECT count(*) FROM case_log").fetchall()
    return rows, logged


def test_a_message_that_comes_twice_has_its_effect_once(consumer, database):
    created = message(1)
    receive(consumer, database, created)
    receive(consumer, database, created)
    assert state(database) == ([(41, "OPEN")], 1)


def test_a_message_that_comes_late_changes_no_newer_state(consumer, database):
    created, closed = message(1), message(2, event_type="NC_CLOSED")
    receive(consumer, database, closed)
    receive(consumer, database, created)
    assert state(database) == ([(41, "CLOSED")], 2)


def test_a_message_that_fails_may_come_again(consumer, database):
    broken = message(1, payload="{}")
    with pytest.raises(KeyError):
        receive(consumer, database, broken)
    assert database.execute("SELECT count(*) FROM inbox").fetchone() == (0,)
    receive(consumer, database, message(1))
    assert state(database) == ([(41, "OPEN")], 1)


def test_what_it_does_not_know_is_noted_and_passed(consumer, database):
    receive(consumer, database, message(1, event_type="NC_TEAM_CHANGED"))
    assert state(database) == ([], 0)
    assert database.execute("SELECT count(*) FROM inbox").fetchone() == (1,)
