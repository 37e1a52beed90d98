"""Test events and handlers. They are registered for one test and taken back after it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction

from audit.models import AuditEntry
from outbox.engine.retry import RetryPolicy
from outbox.management.commands.run_outbox_relay import bound_session
from outbox.models import OutboxEvent
from outbox.publisher import publish
from outbox.testing import isolated_registry
from outbox.tests.gauges import GaugeCalibrated, database_url
from qhse.deployment import connections


@pytest.fixture(autouse=True)
def clean_registry() -> Iterator[None]:
    with isolated_registry(GaugeCalibrated):
        yield


@pytest.fixture
def publish_reading() -> Callable[..., OutboxEvent]:
    def publish_one(gauge_id: int = 1, reading: int = 0) -> OutboxEvent:
        with transaction.atomic():
            return publish(GaugeCalibrated(gauge_id=gauge_id, reading=reading), actor=None)

    return publish_one


@pytest.fixture
def good_neighbours(publish_reading: Callable[..., OutboxEvent]) -> Callable[[int], OutboxEvent]:
    """Publish events around the bad one. Each must be handled once, whatever the bad one does."""

    def publish_around(reading: int) -> OutboxEvent:
        for gauge in range(10, 15):
            publish_reading(gauge_id=gauge, reading=1)
        bad = publish_reading(gauge_id=1, reading=reading)
        publish_reading(gauge_id=1, reading=2)  # behind the bad one, in its aggregate
        for gauge in range(20, 25):
            publish_reading(gauge_id=gauge, reading=1)
        return bad

    return publish_around


@pytest.fixture
def effects() -> Callable[[], list[tuple[str, int]]]:
    """Return (gauge, reading) of every effect. Their order is that of writing."""

    def read() -> list[tuple[str, int]]:
        rows = AuditEntry.objects.filter(action="EFFECT").order_by("id")
        return [(row.entity_id, row.changes["r"][1]) for row in rows]

    return read


@pytest.fixture
def policy() -> RetryPolicy:
    return RetryPolicy(max_attempts=3, base_seconds=2.0, cap_seconds=3600.0)


@pytest.fixture
def make_due() -> Callable[..., None]:
    """Move the next attempt of pending events into the past. Time would do the same."""

    def move(**filters: Any) -> None:
        from datetime import UTC, datetime

        OutboxEvent.objects.pending().filter(**filters).update(next_attempt_at=datetime(2020, 1, 1, tzinfo=UTC))

    return move


@pytest.fixture
def start_worker() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start worker processes on the test database. Whatever still runs at the end is killed."""
    started = []

    def start(*options: str, **variables: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "outbox.engine.tests.probe_worker", *options],
            cwd=settings.BASE_DIR,
            env=os.environ | {"QHSE_ENV": "test", "TEST_DATABASE_URL": database_url()} | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
    for process in started:
        process.wait()
        if process.stdout:
            process.stdout.close()


@pytest.fixture
def relays_line(unbound: None) -> None:
    """The connection, bound as the relay's command binds it."""
    bound_session()


@pytest.fixture
def workers_line(unbound: None) -> Any:
    """The connection, bound as the worker's command binds it."""
    connections.bound_connections(statement=10, lock=5, idle_in_transaction=15, name="tested", prepared=True)
    return connection


@pytest.fixture
def takes_latin1_alone(db: None) -> Iterator[Callable[..., None]]:
    """
    Let a column refuse what LATIN1 lacks, such as €, with PostgreSQL's own error of a database of that encoding.

    No such database is used any more. The error is of a kind: a text that cannot be stored.
    """
    columns: list[tuple[str, str]] = []

    def refuse(table: str, column: str) -> None:
        columns.append((table, column))
        with connection.cursor() as cursor:
            cursor.execute(
                f"ALTER TABLE {table} ADD CONSTRAINT latin1_{column} "
                f"CHECK ({column} IS NULL OR convert_to({column}, 'LATIN1') IS NOT NULL)"
            )

    yield refuse
    for table, column in columns:
        if not connection.in_atomic_block:  # else the rollback takes it away
            with connection.cursor() as cursor:
                cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT latin1_{column}")
