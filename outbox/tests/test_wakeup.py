"""What ends a worker's wait. A notification does, or a retry that becomes due. Whatever happens, the next poll does."""

from __future__ import annotations

import pytest
from django.db import connection

from dev.waiting import wait_until
from outbox.choices import EventStatus
from outbox.models import OutboxEvent
from outbox.services import requeue_dead_event
from outbox.tests.gauges import connected_workers

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


def test_a_worker_that_hears_nothing_still_polls(waiting_worker, publish_reading, effects):
    waiting_worker("--poll-interval", "0.2")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE outbox_outboxevent DISABLE TRIGGER outbox_wake_workers")
    try:
        publish_reading()
        wait_until(effects, seconds=15, what="the event to be handled")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE outbox_outboxevent ENABLE TRIGGER outbox_wake_workers")


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
