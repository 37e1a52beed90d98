"""The operators' commands."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from datetime import timedelta
from io import StringIO

import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from audit.models import AuditEntry
from outbox.choices import EventStatus
from outbox.engine.worker import MOST_ROUNDS
from outbox.models import OutboxEvent, WorkerSeen
from outbox.registry import handles
from outbox.services import requeue_dead_events
from outbox.tests.gauges import GaugeCalibrated, database_url, leave_effect
from qhse.accounts.roles import Role
from qhse.accounts.services.users import change_user, create_user
from qhse.periodic import Job, jobs
from qhse.wakeup import CHANNEL

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


@pytest.fixture
def publishing_job(publish_reading, monkeypatch):
    """Declare a job that publishes so often, as the one does that looks for what is overdue. Return its calls."""

    def declare(times: float) -> list[int]:
        calls: list[int] = []

        def tell() -> bool:
            calls.append(len(calls))
            if len(calls) <= times:
                publish_reading(100 + len(calls))
            return False

        monkeypatch.setitem(jobs, "tell", Job("tell", tell, 60.0))
        return calls

    return declare


def test_drain_handles_what_jobs_publish_and_does_jobs_after_handlers(publish_reading, publishing_job, effects):
    handles(GaugeCalibrated, name="test.effect")(leave_effect)
    publish_reading(1)
    calls = publishing_job(2)

    answer = run("run_outbox_worker", "--drain")

    assert answer.startswith("3 processed")
    assert not OutboxEvent.objects.pending().exists()
    assert len(calls) == 3  # the last one after the last event


def test_drain_ends_though_a_job_publishes_each_time(publishing_job):
    calls = publishing_job(math.inf)

    run("run_outbox_worker", "--drain")

    assert len(calls) == MOST_ROUNDS
    assert not OutboxEvent.objects.pending().exists()


@pytest.mark.parametrize("how", ["--once", "--drain"])
def test_no_attempt_is_spent_where_the_schema_is_older_than_the_code(publish_reading, how):
    event = publish_reading("7")
    MigrationRecorder.Migration.objects.filter(app="outbox").latest("id").delete()

    with pytest.raises(CommandError, match=r"lacks migrations \(outbox\."):
        run("run_outbox_worker", how)

    event.refresh_from_db()
    assert (event.status, event.attempts) == (EventStatus.PENDING, 0)


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


def test_status_counts_pending_due_waiting_unknown_and_dead(publish_reading, dead_events):
    publish_reading(8)
    waiting = publish_reading(9)
    OutboxEvent.objects.filter(pk=waiting.pk).update(
        event_type="TEST_FROM_THE_FUTURE", next_attempt_at=timezone.now() + timedelta(minutes=50)
    )

    table = run("outbox_status")
    figures = json.loads(run("outbox_status", "--format", "json"))

    names = ("pending", "due", "waiting", "unknown", "dead")
    assert [figures[name] for name in names] == [2, 1, 1, 1, 3]
    assert figures["by_type"] == {
        "TEST_FROM_THE_FUTURE": {"pending": 1, "dead": 0},
        "TEST_GAUGE_CALIBRATED": {"pending": 1, "dead": 3},
    }
    assert figures["oldest_pending_seconds"] >= figures["oldest_due_seconds"] >= 0
    lines = [line.rsplit(maxsplit=1) for line in table.splitlines()[:5]]
    assert [(name.strip(), int(number)) for name, number in lines] == [
        ("pending", 2),
        ("due now", 1),
        ("waiting", 1),
        ("of unknown type", 1),
        ("dead", 3),
    ]
    assert "TEST_FROM_THE_FUTURE" in table


def test_status_of_an_empty_outbox_has_no_ages():
    figures = json.loads(run("outbox_status", "--format", "json"))

    assert (figures["pending"], figures["oldest_pending_seconds"], figures["oldest_due_seconds"]) == (0, None, None)
    assert run("outbox_status").count("–") == 2
    assert figures["workers"] == {"living": 0, "seen_seconds": None, "silent": []}
    assert "last seen" in run("outbox_status") and "never" in run("outbox_status")


def test_status_names_a_worker_that_is_silent():
    now = timezone.now()
    for worker, ago in (("db1-7-aa", 1), ("db2-7-bb", 182)):
        WorkerSeen.objects.create(
            worker=worker, seen_at=now - timedelta(seconds=ago), started_at=now - timedelta(hours=1)
        )

    assert "  silent for 182 s: db2, process 7" in run("outbox_status")


def test_status_tells_when_a_worker_was_seen():
    call_command("run_outbox_worker", "--once", stdout=StringIO())

    seen = json.loads(run("outbox_status", "--format", "json"))["workers"]

    assert seen["living"] == 1
    assert 0 <= seen["seen_seconds"] < 30


def test_requeue_by_id_type_or_all_puts_dead_events_back_with_an_audited_reason(dead_events):
    assert run("requeue_dead_events", "--all", "--reason", "Fixed", "--dry-run") == "3 would be requeued\n"
    assert run("requeue_dead_events", "--id", str(dead_events[0].event_id), "--reason", "Try one") == "1 requeued\n"
    assert run("requeue_dead_events", "--type", "TEST_GAUGE_CALIBRATED", "--reason", "Fixed") == "2 requeued\n"

    assert not OutboxEvent.objects.exclude(status=EventStatus.PENDING, attempts=0).exists()
    entries = AuditEntry.objects.filter(action="OUTBOX_EVENT_REQUEUED").order_by("id")
    assert [(entry.actor, entry.source, entry.reason) for entry in entries] == [
        ("system", "command", "Try one"),
        ("system", "command", "Fixed"),
        ("system", "command", "Fixed"),
    ]


@pytest.mark.parametrize(
    "command", ["requeue_dead_events", "dismiss_dead_events", "requeue_messages", "dismiss_messages"]
)
def test_a_type_that_nobody_knows_is_refused(command):
    with pytest.raises(CommandError, match=r"--type: there is no NO_SUCH_TYPE; known are .*TEST_GAUGE_CALIBRATED"):
        run(command, "--type", "NO_SUCH_TYPE", "--reason", "Fixed", "--dry-run")

    assert run(command, "--type", "TEST_GAUGE_CALIBRATED", "--reason", "Fixed").startswith("0 ")


def test_a_type_that_nobody_knows_any_more_may_have_dead_events(dead_events):
    OutboxEvent.objects.update(event_type="TEST_OF_THE_PAST")

    assert run("dismiss_dead_events", "--type", "TEST_OF_THE_PAST", "--reason", "A test") == "3 dismissed\n"


def test_requeue_refuses_an_empty_reason_and_an_event_that_is_not_dead(dead_events, publish_reading):
    pending = publish_reading(9)

    with pytest.raises(CommandError, match="reason is required"):
        run("requeue_dead_events", "--all", "--reason", "  ")
    with pytest.raises(CommandError, match="not dead"):
        run("requeue_dead_events", "--id", str(pending.event_id), "--reason", "Fixed")

    assert OutboxEvent.objects.dead().count() == 3


def test_requeue_names_the_operator_who_says_so_and_otherwise_the_system(dead_events, users):
    arguments = ("requeue_dead_events", "--reason", "Fixed", "--id")
    run(*arguments, str(dead_events[0].event_id), "--actor", "admin")
    run(*arguments, str(dead_events[1].event_id))

    entries = AuditEntry.objects.filter(action="OUTBOX_EVENT_REQUEUED").order_by("id")
    assert [(entry.actor, entry.actor_role, entry.actor_id, entry.source) for entry in entries] == [
        ("admin", "admin", users["admin"].pk, "command"),
        ("system", "system", None, "command"),
    ]


@pytest.mark.parametrize("who", ["nobody-of-this-name", "", "quality", "procurement", "auditor", "former"])
def test_requeue_refuses_an_actor_who_may_not_do_it(dead_events, users, who):
    former = create_user(username="former", password=None, role=Role.ADMIN, actor=None)
    change_user(user_id=former.pk, actor=users["admin"], changes={"is_active": False})

    for option in ("--reason=Fixed", "--dry-run"):
        with pytest.raises(CommandError, match="is not an active user who may requeue events"):
            run("requeue_dead_events", "--all", "--reason", "Fixed", option, "--actor", who)

    assert OutboxEvent.objects.dead().count() == 3


def test_dismiss_by_id_by_type_and_all_with_a_dry_run_first(dead_events, drain):
    assert run("dismiss_dead_events", "--all", "--reason", "A test", "--dry-run") == "3 would be dismissed\n"
    assert OutboxEvent.objects.dead().count() == 3
    assert run("dismiss_dead_events", "--id", str(dead_events[0].event_id), "--reason", "One") == "1 dismissed\n"
    assert run("dismiss_dead_events", "--all", "--reason", "A test") == "2 dismissed\n"
    assert run("requeue_dead_events", "--all", "--reason", "Fixed") == "0 requeued\n"

    assert drain().moved == 0
    assert OutboxEvent.objects.filter(status=EventStatus.DISMISSED, dismissed_at__isnull=False).count() == 3
    entries = AuditEntry.objects.filter(action="OUTBOX_EVENT_DISMISSED").order_by("id")
    assert [(entry.actor, entry.source, entry.reason) for entry in entries] == [
        ("system", "command", "One"),
        ("system", "command", "A test"),
        ("system", "command", "A test"),
    ]


def test_dismiss_refuses_an_empty_reason_an_event_that_is_not_dead_and_an_actor_who_may_not(dead_events, users):
    run("dismiss_dead_events", "--id", str(dead_events[0].event_id), "--reason", "A test", "--actor", "admin")
    assert AuditEntry.objects.get(action="OUTBOX_EVENT_DISMISSED").actor == "admin"

    with pytest.raises(CommandError, match="reason is required"):
        run("dismiss_dead_events", "--all", "--reason", "  ")
    with pytest.raises(CommandError, match="not dead"):
        run("dismiss_dead_events", "--id", str(dead_events[0].event_id), "--reason", "Again")
    with pytest.raises(CommandError, match="is not an active user who may dismiss events"):
        run("dismiss_dead_events", "--all", "--reason", "A test", "--actor", "quality")

    assert OutboxEvent.objects.dead().count() == 2


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_requeue_wakes_the_workers_when_it_commits(dead_events):
    with psycopg.connect(database_url(), autocommit=True) as line:
        line.execute(f"LISTEN {CHANNEL}")

        run("requeue_dead_events", "--all", "--reason", "Fixed")

        assert [message.channel for message in line.notifies(timeout=20, stop_after=1)] == [CHANNEL]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_requeue_wakes_nobody_when_it_is_rolled_back_or_finds_nothing(dead_events):
    with psycopg.connect(database_url(), autocommit=True) as line:
        line.execute(f"LISTEN {CHANNEL}")

        with pytest.raises(RuntimeError), transaction.atomic():
            requeue_dead_events(ids=[event.pk for event in dead_events], actor=None, reason="Fixed")
            raise RuntimeError
        requeue_dead_events(ids=[0], actor=None, reason="Fixed")

        line.execute("SELECT 1")
        assert list(line.notifies(timeout=0)) == []


def test_prune_removes_what_was_processed_long_ago_and_says_how_much(publish_reading, dead_events):
    old, young, pending = (publish_reading(gauge) for gauge in range(3))
    for event, days in ((old, 31), (young, 29)):
        OutboxEvent.objects.filter(pk=event.pk).update(
            status=EventStatus.PROCESSED, processed_at=timezone.now() - timedelta(days=days)
        )

    assert run("prune_outbox", "--older-than", "30", "--dry-run") == "1 would be removed\n"
    assert OutboxEvent.objects.count() == 6
    assert run("prune_outbox", "--older-than", "30") == "1 removed\n"
    assert run("prune_outbox", "--older-than", "30", "--batch-size", "1") == "0 removed\n"

    kept = {young.pk, pending.pk, *(event.pk for event in dead_events)}
    assert set(OutboxEvent.objects.values_list("pk", flat=True)) == kept


@pytest.mark.parametrize("days", ["-1", "x", "", "1.5", "1e3", "٣", "36501", "9" * 5000])
def test_prune_refuses_what_is_no_number_of_days(days):
    with pytest.raises(CommandError, match="must be a whole number of days from 0 to 36500"):
        run("prune_outbox", f"--older-than={days}")


@pytest.mark.parametrize("size", ["0", "-1", "x", "100001", "9" * 5000])
def test_prune_refuses_what_is_no_size_of_a_batch(size):
    with pytest.raises(CommandError, match="must be a whole number from 1 to 100000"):
        run("prune_outbox", "--older-than", "30", f"--batch-size={size}")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [(("--older-than", "-1"), "must be a whole number of days from 0 to 36500, not '-1'"), ((), "--older-than")],
)
def test_prune_ends_with_2_when_it_is_called_wrongly(arguments, complaint):
    answer = subprocess.run(
        [sys.executable, "manage.py", "prune_outbox", *arguments], cwd=settings.BASE_DIR, capture_output=True, text=True
    )

    assert (answer.returncode, answer.stdout) == (2, "")
    assert complaint in answer.stderr


@pytest.mark.parametrize(("error", "returncode"), [(KeyboardInterrupt, 130), (OperationalError, 1)])
def test_prune_broken_off_says_how_far_it_came(publish_reading, error, returncode):
    for gauge in range(4):
        publish_reading(gauge)
    OutboxEvent.objects.update(status=EventStatus.PROCESSED, processed_at=timezone.now() - timedelta(days=2))
    deletions = []

    def break_off(execute, sql, params, many, context):
        if "DELETE FROM" in sql:
            deletions.append(sql)
            if len(deletions) == 4:  # in the second batch, or the last, where one statement does it all
                raise error("the server closed the connection")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(break_off), pytest.raises(CommandError) as refusal:
        run("prune_outbox", "--older-than", "1", "--batch-size", "1")

    removed = 4 - OutboxEvent.objects.count()
    assert 0 < removed < 4
    assert f"{removed} " in str(refusal.value)
    assert refusal.value.returncode == returncode


@pytest.mark.parametrize(
    "command",
    ["run_outbox_worker", "outbox_status", "requeue_dead_events", "dismiss_dead_events", "prune_outbox", "seed_demo"],
)
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
