"""A toy event with its effect. Tests also ask here about worker processes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar
from urllib.parse import quote

from django.db import connection

from audit.services import record
from outbox.events import DomainEvent
from outbox.models import OutboxEvent
from outbox.registry import Delivery

QUICK = {"OUTBOX_BACKOFF_BASE": "0", "OUTBOX_POLL_INTERVAL": "0.05"}
NEIGHBOURS = Counter([(str(gauge), 1) for gauge in (*range(10, 15), *range(20, 25))] + [("1", 2)])
"""The effects of the events that `good_neighbours` publishes around a bad one."""


class Misdeed(IntEnum):
    """A reading that makes the handler of a probe worker misbehave. It does so after its effect is written."""

    EXIT = -1
    SEGFAULT = -2
    SLEEP = -3
    SLEEP_IN_SQL = -4
    SPIN = -5
    HANG_IN_C = -6
    LOSE_CONNECTION = -7
    SWALLOW = -8


@dataclass(frozen=True, kw_only=True)
class GaugeCalibrated(DomainEvent):
    """A test event with nothing but an aggregate and a number."""

    event_type: ClassVar[str] = "TEST_GAUGE_CALIBRATED"
    aggregate_type: ClassVar[str] = "gauge"
    aggregate_id_field: ClassVar[str] = "gauge_id"

    gauge_id: int
    reading: int = 0


def leave_effect(delivery: Delivery) -> None:
    """Write one countable row: the effect of a handler."""
    event = delivery.event
    assert isinstance(event, GaugeCalibrated)
    record(
        actor=None, action="EFFECT", entity_type="gauge", entity_id=event.gauge_id, changes={"r": (None, event.reading)}
    )


def database_url() -> str:
    """Return the URL of the test database itself. Only this run has it."""
    values = connection.settings_dict
    host = quote(str(values["HOST"]), safe="")
    port = f"&port={values['PORT']}" if values["PORT"] else ""
    login = values["USER"] + (f":{quote(values['PASSWORD'], safe='')}" if values["PASSWORD"] else "")
    return f"postgres://{login}@/{values['NAME']}?host={host}{port}"


def connected_workers() -> int:
    """Count the workers that are connected. They connect after they have set up their signals."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND application_name = 'qhse-worker'"
        )
        return cursor.fetchone()[0]


def status_of(event: OutboxEvent) -> tuple[str, int]:
    stored = OutboxEvent.objects.get(pk=event.pk)
    return stored.status, stored.attempts
