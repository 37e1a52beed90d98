"""What ends a worker's wait. A notification does, or a retry that becomes due. Whatever happens, the next poll does."""

from __future__ import annotations

from contextlib import suppress

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, transaction

from audit.models import TrailVerification, VerificationState
from audit.verifying import start_verification
from dev.waiting import wait_until
from outbox.choices import EventStatus
from outbox.engine.dispatcher import Dispatcher
from outbox.models import OutboxEvent
from outbox.publisher import publish
from outbox.registry import handles
from outbox.services import requeue_dead_event
from outbox.tests.gauges import GaugeCalibrated, connected_workers, database_url
from qhse.wakeup import CHANNEL

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

AN_HOUR = ("--poll-interval", "3600")


def listening() -> bool:
    """Answer whether a worker has begun to listen and now waits."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND application_name = 'qhse-worker-side' AND state = 'idle'"
        )
        return cursor.fetchone()[0] > 0


@pytest.fixture
def waiting_worker(start_worker):
    def start(*options, **variables):
        worker = start_worker(*options, **variables)
        wait_until(connected_workers, seconds=30, what="the worker to connect")
        wait_until(listening, seconds=30, what="the worker to listen")
        return worker

    return start


def test_a_published_event_wakes_a_worker_that_would_wait_for_an_hour(waiting_worker, publish_reading, effects):
    waiting_worker(*AN_HOUR)

    for reading in range(3):
        publish_reading(reading=reading)
        wait_until(lambda n=reading: len(effects()) == n + 1, seconds=15, what="the event to be handled")


def test_an_event_that_somebody_requeues_wakes_a_worker(waiting_worker, publish_reading, effects):
    event = publish_reading()
    OutboxEvent.objects.update(status=EventStatus.DEAD)
    waiting_worker(*AN_HOUR)

    requeue_dead_event(event_id=event.event_id, actor=None, reason="Mended")

    wait_until(effects, seconds=15, what="the event to be handled")


def test_a_retry_is_taken_when_it_is_due_and_not_at_the_next_poll(waiting_worker, publish_reading):
    event = publish_reading(reading=-4)
    waiting_worker(*AN_HOUR, "--handler-timeout", "0.2", "--max-attempts", "3", OUTBOX_BACKOFF_BASE="0.5")

    wait_until(
        lambda: OutboxEvent.objects.get(pk=event.pk).status == EventStatus.DEAD, seconds=20, what="all three attempts"
    )


def test_a_worker_that_hears_nothing_still_polls(waiting_worker, effects):
    waiting_worker("--poll-interval", "0.2")

    silently = GaugeCalibrated(gauge_id=1)
    OutboxEvent.objects.create(  # as code of before that relied on a trigger, or a line that broke after the commit
        event_type=silently.event_type, aggregate_type=silently.aggregate_type, aggregate_id="1",
        payload=silently.payload(),
    )  # fmt: skip

    wait_until(effects, seconds=15, what="the event to be handled")


def test_who_asks_for_a_job_of_the_workers_wakes_one(waiting_worker, users):
    waiting_worker(*AN_HOUR)  # its next look at this job by itself is minutes away

    verification = start_verification(actor=users["auditor"])

    done = TrailVerification.objects.exclude(state=VerificationState.RUNNING).filter(pk=verification.pk)
    wait_until(done.exists, seconds=15, what="the trail to be verified")


def test_a_worker_whose_listening_connection_is_ended_hears_again(waiting_worker, publish_reading, effects):
    waiting_worker(*AN_HOUR)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'qhse-worker-side'"
        )
    wait_until(lambda: not listening(), what="the connection to end")
    wait_until(listening, seconds=20, what="the worker to listen again")

    publish_reading()

    wait_until(effects, seconds=15, what="the event to be handled")


@pytest.fixture
def heard():
    """Return a function that returns how many notifications have come since it was called last."""
    with psycopg.connect(database_url(), autocommit=True) as line:
        line.execute(f"LISTEN {CHANNEL}")

        def count():
            line.execute("SELECT 1")
            return len(list(line.notifies(timeout=0)))

        yield count


class TestNotification:
    def test_a_transaction_notifies_once_whatever_it_publishes(self, publish_reading, heard):
        with transaction.atomic():
            for reading in range(5):
                publish_reading(reading=reading)
            assert heard() == 0

        assert heard() == 1

    def test_neither_a_transaction_nor_a_savepoint_that_is_rolled_back_notifies(self, publish_reading, heard):
        with transaction.atomic(), suppress(RuntimeError), transaction.atomic():
            publish_reading()
            raise RuntimeError
        assert heard() == 0

        with transaction.atomic():
            with suppress(RuntimeError), transaction.atomic():
                publish_reading()
                raise RuntimeError
            publish_reading()
        assert heard() == 1

    def test_a_batch_whose_handlers_publish_notifies_once(self, publish_reading, policy, heard):
        @handles(GaugeCalibrated, name="test.chain")
        def publish_next(delivery):
            if delivery.event.reading == 0:
                publish(GaugeCalibrated(gauge_id=delivery.event.gauge_id, reading=1), actor=None)

        with transaction.atomic():
            for gauge in range(5):
                publish_reading(gauge_id=gauge)
        assert heard() == 1

        Dispatcher(policy=policy).dispatch(10)

        assert (heard(), OutboxEvent.objects.count()) == (1, 10)

    def test_the_statement_that_notifies_does_not_wait_for_the_disk_and_changes_no_setting(self, publish_reading):
        statements = []

        def look(execute, sql, params, many, context):
            statements.append(sql)
            return execute(sql, params, many, context)

        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = on")
        with connection.execute_wrapper(look):
            publish_reading()

        assert [sql for sql in statements if "pg_notify" in sql] == [
            "SELECT set_config('synchronous_commit', 'off', true), pg_notify(%s, '')"
        ]
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('synchronous_commit')")
            assert cursor.fetchone() == ("on",)

    def test_a_line_that_breaks_after_the_commit_fails_nobody(self, publish_reading, caplog):
        def end_the_line():
            end_line(connection.connection.info.backend_pid)

        with transaction.atomic():
            transaction.on_commit(end_the_line)
            publish_reading()

        assert "workers were not notified" in caplog.text
        assert OutboxEvent.objects.count() == 1  # on a line of its own


def end_line(pid):
    with psycopg.connect(database_url(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


def test_the_trigger_of_before_goes_and_comes_back_with_its_migration():
    def triggers():
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgname = 'outbox_wake_workers'")
            return cursor.fetchone()[0]

    try:
        for target, expected in (("0003", 1), ("0004", 0)):
            call_command("migrate", "outbox", target, verbosity=0)
            assert triggers() == expected
    finally:
        call_command("migrate", verbosity=0)
