"""Real worker processes, real signals. Nothing is lost or doubled, and workers stop when told."""

from __future__ import annotations

import random
import signal
from collections import Counter

import pytest
from django.db import connection, transaction

from dev.waiting import wait_until
from outbox.choices import EventStatus
from outbox.models import OutboxEvent
from outbox.publisher import publish_all
from outbox.tests.gauges import GaugeCalibrated, connected_workers, database_url, status_of
from qhse.tests.waiting import signals_as_usual

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

EVENTS = 400


@pytest.fixture
def backlog():
    readings = [(number % 20, number) for number in range(EVENTS)]
    with transaction.atomic():
        publish_all([(GaugeCalibrated(gauge_id=gauge, reading=n), None) for gauge, n in readings], actor=None)
    return Counter((str(gauge), n) for gauge, n in readings)


def processed() -> int:
    return OutboxEvent.objects.filter(status=EventStatus.PROCESSED).count()


def test_two_worker_processes_share_a_backlog_in_order_and_each_event_is_handled_once(start_worker, backlog, effects):
    workers = [start_worker("--batch-size", "10", "--poll-interval", "0.05") for _ in range(2)]

    wait_until(lambda: connected_workers() == 2, seconds=30, what="both workers to connect")
    wait_until(lambda: processed() == EVENTS, seconds=60, what="the backlog to be handled")
    for worker in workers:
        worker.send_signal(signal.SIGTERM)

    assert [worker.wait(timeout=10) for worker in workers] == [0, 0]
    assert Counter(effects()) == backlog
    for gauge in range(20):
        readings = [reading for name, reading in effects() if name == str(gauge)]
        assert readings == sorted(readings), f"an event of gauge {gauge} was overtaken"


def test_a_worker_killed_at_any_moment_loses_and_doubles_nothing(start_worker, backlog, effects):
    rng = random.Random(4711)

    for _ in range(5):
        before = processed()
        # No backoff: a worker killed with an event alone in its hands costs that event an attempt.
        worker = start_worker("--batch-size", "7", "--poll-interval", "0.05", OUTBOX_BACKOFF_BASE="0")
        target = min(EVENTS, before + rng.randint(1, 60))
        wait_until(lambda target=target: processed() >= target, seconds=30, what="the worker to make progress")
        worker.kill()
        worker.wait(timeout=10)
    finished = start_worker("--drain", OUTBOX_BACKOFF_BASE="0")

    assert finished.wait(timeout=60) == 0
    assert Counter(effects()) == backlog
    assert processed() == EVENTS


def test_a_worker_told_to_stop_commits_its_batch_and_leaves_the_rest_untouched(start_worker, backlog, effects):
    worker = start_worker("--batch-size", "5", "--poll-interval", "0.05")
    wait_until(lambda: processed() > 0, seconds=30, what="the first batch")

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(timeout=10) == 0
    assert processed() == len(effects())
    assert OutboxEvent.objects.filter(status=EventStatus.PENDING, attempts=0).count() == EVENTS - processed()


def test_a_worker_refuses_a_database_that_lacks_its_migrations(start_worker):
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE without_migrations")
    try:
        name = connection.settings_dict["NAME"]
        worker = start_worker(TEST_DATABASE_URL=database_url().replace(f"/{name}?", "/without_migrations?"))
        assert worker.wait(timeout=60) == 1
        assert "run manage.py migrate first" in worker.stdout.read()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP DATABASE without_migrations WITH (FORCE)")


def test_an_idle_worker_stops_at_once_on_each_signal(start_worker):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        with signals_as_usual():
            worker = start_worker("--poll-interval", "3600")
        wait_until(connected_workers, seconds=30, what="the worker to connect")
        worker.send_signal(number)

        assert worker.wait(timeout=10) == 0
        wait_until(lambda: not connected_workers(), what="its connection to end")


def test_a_worker_whose_connections_are_ended_goes_on_by_itself(start_worker, effects, publish_reading):
    worker = start_worker("--poll-interval", "0.05")
    wait_until(connected_workers, seconds=30, what="the worker to connect")

    for reading in range(3):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        publish_reading(reading=reading)
        wait_until(lambda n=reading: len(effects()) == n + 1, seconds=30, what="the event to be handled")

    assert worker.poll() is None
    assert [reading for _, reading in effects()] == [0, 1, 2]


def test_a_worker_waits_while_the_database_is_read_only_and_goes_on_by_itself(start_worker, publish_reading, effects):
    event = publish_reading(reading=1)
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        worker = start_worker("--poll-interval", "0.05", LOG_FORMAT="json")
        while "database is away" not in (said := worker.stdout.readline()):
            assert said, "the worker has ended"
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")

    wait_until(effects, seconds=30, what="the event to be handled")
    assert worker.poll() is None
    wait_until(lambda: status_of(event) == (EventStatus.PROCESSED, 0), what="the event to be processed")
