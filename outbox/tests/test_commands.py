"""The operators' commands."""

from __future__ import annotations

import json
import subprocess
import sys
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from audit.models import AuditEntry
from outbox.choices import EventStatus
from outbox.models import OutboxEvent
from outbox.registry import handles
from outbox.tests.conftest import GaugeCalibrated, leave_effect

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def dead_events(publish_reading):
    events = [publish_reading(gauge) for gauge in range(3)]
    OutboxEvent.objects.update(status=EventStatus.DEAD, attempts=10, last_error="RuntimeError: no gauge")
    return events


def test_drain_handles_everything_that_is_due_and_says_so(publish_reading, effects):
    handles(GaugeCalibrated, name="test.effect")(leave_effect)
    for gauge in range(5):
        publish_reading(gauge)

    answer = run("run_outbox_worker", "--drain", "--batch-size", "2")

    assert answer == "5 processed, 0 to be retried, 0 dead, 0 parked\n"
    assert len(effects()) == 5


def test_once_handles_one_batch(publish_reading):
    for gauge in range(5):
        publish_reading(gauge)

    answer = run("run_outbox_worker", "--once", "--batch-size", "2")

    assert answer.startswith("2 processed")


def test_max_attempts_decides_when_an_event_is_dead(publish_reading):
    def fail(delivery):
        raise RuntimeError

    handles(GaugeCalibrated, name="test.failing")(fail)
    publish_reading()

    answer = run("run_outbox_worker", "--once", "--max-attempts", "1")

    assert answer == "0 processed, 0 to be retried, 1 dead, 0 parked\n"


@pytest.mark.parametrize(
    "option", [("--batch-size", "0"), ("--batch-size", "x"), ("--poll-interval", "-1"), ("--max-attempts", "1.5")]
)
def test_an_option_out_of_range_is_refused_with_the_range(option):
    with pytest.raises(CommandError, match="must be"):
        run("run_outbox_worker", "--once", *option)


def test_status_counts_pending_due_and_dead(publish_reading, dead_events):
    publish_reading(9)

    table = run("outbox_status")
    figures = json.loads(run("outbox_status", "--format", "json"))

    assert (figures["pending"], figures["due"], figures["dead"]) == (1, 1, 3)
    assert figures["by_type"] == {"TEST_GAUGE_CALIBRATED": {"pending": 1, "dead": 3}}
    assert figures["oldest_pending_seconds"] >= 0
    assert "TEST_GAUGE_CALIBRATED" in table


def test_requeue_by_id_type_or_all_puts_dead_events_back_with_an_audited_reason(dead_events):
    assert run("requeue_dead_events", "--all", "--reason", "Fixed", "--dry-run") == "3 would be requeued\n"
    assert run("requeue_dead_events", "--id", str(dead_events[0].event_id), "--reason", "Try one") == "1 requeued\n"
    assert run("requeue_dead_events", "--type", "NO_SUCH_TYPE", "--reason", "Fixed") == "0 requeued\n"
    assert run("requeue_dead_events", "--type", "TEST_GAUGE_CALIBRATED", "--reason", "Fixed") == "2 requeued\n"

    assert not OutboxEvent.objects.exclude(status=EventStatus.PENDING, attempts=0).exists()
    entries = AuditEntry.objects.filter(action="OUTBOX_EVENT_REQUEUED").order_by("id")
    assert [(entry.actor, entry.source, entry.reason) for entry in entries] == [
        ("system", "command", "Try one"),
        ("system", "command", "Fixed"),
        ("system", "command", "Fixed"),
    ]


def test_requeue_refuses_an_empty_reason_and_an_event_that_is_not_dead(dead_events, publish_reading):
    pending = publish_reading(9)

    with pytest.raises(CommandError, match="reason is required"):
        run("requeue_dead_events", "--all", "--reason", "  ")
    with pytest.raises(CommandError, match="not dead"):
        run("requeue_dead_events", "--id", str(pending.event_id), "--reason", "Fixed")

    assert OutboxEvent.objects.dead().count() == 3


@pytest.mark.parametrize("command", ["run_outbox_worker", "outbox_status", "requeue_dead_events", "seed_demo"])
def test_every_command_explains_itself(command):
    answer = subprocess.run(
        [sys.executable, "manage.py", command, "--help"], cwd=settings.BASE_DIR, capture_output=True, text=True
    )

    assert answer.returncode == 0
    assert len(answer.stdout) > 300


def test_demo_data_is_refused_in_production(settings):
    settings.PRODUCTION = True

    with pytest.raises(CommandError, match="refused in production"):
        run("seed_demo")


def test_demo_data_goes_through_the_services_and_only_into_an_empty_database():
    run("seed_demo", "--suppliers", "6", "--ncs", "12")
    assert run("seed_demo", "--if-empty") == "there is data already, nothing seeded\n"
    assert OutboxEvent.objects.filter(event_type="NC_CREATED").count() == 12
    assert AuditEntry.objects.filter(action="SUPPLIER_CREATED").count() == 6
