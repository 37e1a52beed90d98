"""What a claim locks, what it passes over, and what it costs: on PostgreSQL, where there are row locks."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, connections, transaction

from outbox.choices import EventStatus
from outbox.dispatcher import dispatch_batch
from outbox.models import OutboxEvent
from outbox.registry import handles
from outbox.tests.conftest import GaugeCalibrated, leave_effect
from qhse.tests.waiting import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def another_worker_holds():
    """Lock rows in another connection, as a worker in the middle of its batch does, until told to let go."""
    release, holders = threading.Event(), []

    def hold(*ids: int) -> None:
        holding = threading.Event()

        def run() -> None:
            try:
                with transaction.atomic():
                    list(OutboxEvent.objects.select_for_update().filter(pk__in=ids))
                    holding.set()
                    release.wait(30)
            finally:
                connections.close_all()

        thread = threading.Thread(target=run)
        thread.start()
        holders.append(thread)
        assert holding.wait(20)

    hold.let_go = release.set
    yield hold
    release.set()
    for thread in holders:
        thread.join(20)


def test_rows_that_another_worker_holds_are_passed_over_without_waiting(
    publish_reading, policy, effects, another_worker_holds
):
    handles(GaugeCalibrated, name="test.effect")(leave_effect)
    held = publish_reading(gauge_id=1, reading=1)
    publish_reading(gauge_id=2, reading=2)
    another_worker_holds(held.pk)

    result = dispatch_batch(limit=10, policy=policy)

    assert result.processed == 1
    assert effects() == [("2", 2)]


def test_the_successor_of_a_row_that_another_worker_holds_is_let_go(
    publish_reading, policy, effects, another_worker_holds
):
    handles(GaugeCalibrated, name="test.effect")(leave_effect)
    first = publish_reading(gauge_id=1, reading=1)
    publish_reading(gauge_id=1, reading=2)
    another_worker_holds(first.pk)

    blocked = dispatch_batch(limit=10, policy=policy)
    assert (blocked.processed, blocked.blocked) == (0, 1)
    another_worker_holds.let_go()
    wait_until(lambda: dispatch_batch(limit=10, policy=policy).moved or len(effects()) == 2)

    assert effects() == [("1", 1), ("1", 2)]


def test_events_are_found_by_state_so_that_ids_may_commit_out_of_order(publish_reading, policy, effects):
    handles(GaugeCalibrated, name="test.effect")(leave_effect)
    inserted, may_commit = threading.Event(), threading.Event()

    def publish_slowly() -> None:
        from outbox.publisher import publish

        try:
            with transaction.atomic():
                publish(GaugeCalibrated(gauge_id=1, reading=1), actor=None)
                inserted.set()
                may_commit.wait(20)
        finally:
            connections.close_all()

    slow = threading.Thread(target=publish_slowly)
    slow.start()
    assert inserted.wait(20)
    publish_reading(gauge_id=2, reading=2)  # a higher id, committed first
    dispatch_batch(limit=10, policy=policy)
    may_commit.set()
    slow.join(20)

    dispatch_batch(limit=10, policy=policy)

    assert effects() == [("2", 2), ("1", 1)]


def test_a_claim_uses_the_partial_indexes_beside_a_long_history():
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO outbox_outboxevent (event_id, event_type, schema_version, aggregate_type, aggregate_id,"
            " payload, headers, status, attempts, last_error, processed_at)"
            " SELECT gen_random_uuid(), 'TEST_GAUGE_CALIBRATED', 1, 'gauge', n::text, '{}', '{}',"
            " CASE WHEN n % 500 = 0 THEN 'PENDING' ELSE 'DONE' END, 0, '',"
            " CASE WHEN n % 500 = 0 THEN NULL ELSE now() END FROM generate_series(1, 50000) AS n"
        )
        cursor.execute("ANALYZE outbox_outboxevent")
    statements: list[str] = []

    def watch(execute, sql, params, many, context):
        if "SKIP LOCKED" in sql:
            with connection.cursor() as cursor:
                cursor.cursor.execute("EXPLAIN " + sql, params)
                statements.append("\n".join(row[0] for row in cursor.cursor.fetchall()))
        return execute(sql, params, many, context)

    with transaction.atomic(), connection.execute_wrapper(watch):
        locked = OutboxEvent.objects.lock_next(100)

    assert len(locked) == 100
    (plan,) = statements
    assert "Seq Scan" not in plan, plan
    assert "outbox_pending" in plan, plan
    assert OutboxEvent.objects.filter(status=EventStatus.PENDING).count() == 100
