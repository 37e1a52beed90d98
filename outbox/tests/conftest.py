"""Test events and handlers, registered for one test and taken back after it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection, transaction

from audit.models import AuditEntry
from audit.services import record
from outbox import events, registry
from outbox.events import DomainEvent
from outbox.models import OutboxEvent
from outbox.publisher import publish
from outbox.registry import Delivery
from outbox.retry import RetryPolicy


@dataclass(frozen=True, kw_only=True)
class GaugeCalibrated(DomainEvent):
    """A test event with nothing but an aggregate and a number."""

    event_type: ClassVar[str] = "TEST_GAUGE_CALIBRATED"
    aggregate_type: ClassVar[str] = "gauge"
    aggregate_id_field: ClassVar[str] = "gauge_id"

    gauge_id: int
    reading: int = 0


@pytest.fixture(autouse=True)
def clean_registry() -> Iterator[None]:
    handlers = {name: list(registered) for name, registered in registry._handlers.items()}
    types = dict(events.event_types)
    events.event_types[GaugeCalibrated.event_type] = GaugeCalibrated
    yield
    registry._handlers.clear()
    registry._handlers.update(handlers)
    events.event_types.clear()
    events.event_types.update(types)


@pytest.fixture
def publish_reading() -> Callable[..., OutboxEvent]:
    def publish_one(gauge_id: int = 1, reading: int = 0) -> OutboxEvent:
        with transaction.atomic():
            return publish(GaugeCalibrated(gauge_id=gauge_id, reading=reading), actor=None)

    return publish_one


def leave_effect(delivery: Delivery) -> None:
    """Write one countable row: the effect of a handler."""
    event = delivery.event
    assert isinstance(event, GaugeCalibrated)
    record(
        actor=None, action="EFFECT", entity_type="gauge", entity_id=event.gauge_id, changes={"r": (None, event.reading)}
    )


@pytest.fixture
def effects() -> Callable[[], list[tuple[str, int]]]:
    """Return (gauge, reading) of every effect, in the order in which they were written."""

    def read() -> list[tuple[str, int]]:
        rows = AuditEntry.objects.filter(action="EFFECT").order_by("id")
        return [(row.entity_id, row.changes["r"][1]) for row in rows]

    return read


@pytest.fixture
def policy() -> RetryPolicy:
    return RetryPolicy(max_attempts=3, base_seconds=2.0, cap_seconds=3600.0)


@pytest.fixture
def make_due() -> Callable[..., None]:
    """Move the next attempt of pending events into the past, as time would."""

    def move(**filters: Any) -> None:
        from datetime import UTC, datetime

        OutboxEvent.objects.pending().filter(**filters).update(next_attempt_at=datetime(2020, 1, 1, tzinfo=UTC))

    return move


def database_url() -> str:
    """Return the URL of the test database itself, which only this run has."""
    values = connection.settings_dict
    host = quote(str(values["HOST"]), safe="")
    port = f"&port={values['PORT']}" if values["PORT"] else ""
    login = values["USER"] + (f":{quote(values['PASSWORD'], safe='')}" if values["PASSWORD"] else "")
    return f"postgres://{login}@/{values['NAME']}?host={host}{port}"


@pytest.fixture
def start_worker() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start worker processes on the test database; whatever still runs at the end is killed."""
    started = []

    def start(*options: str, **variables: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "outbox.tests.probe_worker", *options],
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


def connected_workers() -> int:
    """Count the workers that are connected, which they are after they have set up their signals."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND application_name = 'qhse-worker'"
        )
        return cursor.fetchone()[0]
