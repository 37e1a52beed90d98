"""What a claim locks, what it passes over, and what it costs. PostgreSQL is needed, for its row locks."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from dev.waiting import wait_until
from outbox.choices import EventStatus
from outbox.engine import claim as claiming
from outbox.engine import dispatcher as dispatching
from outbox.engine.claim import Claimer
from outbox.engine.dispatcher import Dispatcher
from outbox.guards.deadline import Watchdog
from outbox.models import OutboxEvent
from outbox.registry import handles
from outbox.services import requeue_dead_event
from outbox.tests.gauges import GaugeCalibrated, leave_effect

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def test_rows_that_another_worker_holds_are_passed_over_without_waiting(
    publish_reading, policy, effects, another_worker_holds
):
    handles(GaugeCalibrated, name="test.effect")(leave_effect)
    held = publish_reading(gauge_id=1, reading=1)
    publish_reading(gauge_id=2, reading=2)
    another_worker_holds(held.pk)

    result = Dispatcher(policy=policy).dispatch(10)

    assert result.processed == 1
    assert effects() == [("2", 2)]


def test_the_successor_of_a_row_that_another_worker_holds_is_let_go(
    publish_reading, policy, effects, another_worker_holds
):
    handles(GaugeCalibrated, name="test.effect")(leave_effect)
    first = publish_reading(gauge_id=1, reading=1)
    publish_reading(gauge_id=1, reading=2)
    other = another_worker_holds(first.pk)

    waiting = Dispatcher(policy=policy).dispatch(10)
    assert (waiting.processed, waiting.held_by_others) == (0, 1)
    other.close()
    worker = Dispatcher(policy=policy)
    wait_until(lambda: not worker.dispatch(10).held_by_others and len(effects()) == 2)

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
    worker = Dispatcher(policy=policy)
    worker.dispatch(10)
    may_commit.set()
    slow.join(20)

    worker.dispatch(10)

    assert effects() == [("2", 2), ("1", 1)]


def test_an_event_behind_a_follower_that_another_worker_holds_is_not_taken(publish_reading, another_worker_holds):
    """A lower id may become visible late. The next of its aggregate are then already in another worker's hands."""
    late, held, behind = (publish_reading(gauge_id=1, reading=reading) for reading in range(3))
    another_worker_holds(held.pk)

    with transaction.atomic():
        claimed = Claimer().claim(10)

    assert [event.pk for event in claimed.events] == [late.pk]
    assert behind.pk > held.pk


def test_an_event_behind_a_follower_that_waits_for_a_retry_is_not_taken(publish_reading):
    first, waiting, _ = (publish_reading(gauge_id=1, reading=reading) for reading in range(3))
    OutboxEvent.objects.filter(pk=waiting.pk).update(next_attempt_at=timezone.now() + timedelta(minutes=50))

    with transaction.atomic():
        claimed = Claimer().claim(10)

    assert [event.pk for event in claimed.events] == [first.pk]


def test_a_requeued_event_and_one_behind_it_from_an_older_list_of_heads_are_each_handled_once(
    publish_reading, policy, effects, monkeypatch
):
    """While its predecessor was dead, an event was read as a head. Then the predecessor came back."""
    monkeypatch.setattr(claiming, "WALK_SHARE", 1e-6)
    handles(GaugeCalibrated, name="test.effect")(leave_effect)
    dead = publish_reading(gauge_id=1, reading=1)
    OutboxEvent.objects.filter(pk=dead.pk).update(status=EventStatus.DEAD)
    for gauge in range(2, 12):
        publish_reading(gauge_id=gauge)
    publish_reading(gauge_id=1, reading=2)
    publish_reading(gauge_id=1, reading=3)
    worker = Dispatcher(policy=policy)
    worker.dispatch(10)

    requeue_dead_event(event_id=dead.event_id, actor=None, reason="mended")
    while worker.dispatch(10).moved:
        pass

    assert [effect for effect in effects() if effect[0] == "1"] == [("1", 1), ("1", 2), ("1", 3)]


def test_a_small_batch_finds_work_behind_thousands_of_rows_that_wait_behind_one_head(publish_reading):
    head = publish_reading(gauge_id=1)
    OutboxEvent.objects.filter(pk=head.pk).update(next_attempt_at=timezone.now() + timedelta(minutes=50))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO outbox_outboxevent (event_id, event_type, schema_version, aggregate_type, aggregate_id,"
            " payload, headers, status, attempts, last_error)"
            " SELECT gen_random_uuid(), 'TEST_GAUGE_CALIBRATED', 1, 'gauge', '1', '{}', '{}', 'PENDING', 0, ''"
            " FROM generate_series(1, 4200)"
        )
    free = publish_reading(gauge_id=2)

    with transaction.atomic():
        claimed = Claimer().claim(1)

    assert [event.pk for event in claimed.events] == [free.pk]


def test_what_committed_late_is_found_by_the_next_look_however_dear_the_walk_was(
    publish_reading, policy, effects, monkeypatch
):
    monkeypatch.setattr(claiming, "WALK_SHARE", 1e-6)
    handles(GaugeCalibrated, name="test.effect")(leave_effect)
    late = publish_reading(gauge_id=1, reading=1)
    OutboxEvent.objects.filter(pk=late.pk).update(status=EventStatus.DEAD)  # as if it did not exist yet
    publish_reading(gauge_id=2, reading=2)
    worker = Dispatcher(policy=policy)
    worker.dispatch(10, thorough=False)
    OutboxEvent.objects.filter(pk=late.pk).update(status=EventStatus.PENDING)

    worker.dispatch(10, thorough=False)

    assert effects() == [("2", 2), ("1", 1)]


def test_what_is_locked_does_not_wait_for_the_walk_to_pass_what_waits_behind_a_head(publish_reading, monkeypatch):
    monkeypatch.setattr(claiming, "WINDOW", 10)
    monkeypatch.setattr(claiming, "WIDE_WINDOW", 11)
    free = publish_reading(gauge_id=2)
    head = publish_reading(gauge_id=1)
    for _ in range(100):
        publish_reading(gauge_id=1)
    OutboxEvent.objects.filter(pk=head.pk).update(next_attempt_at=timezone.now() + timedelta(minutes=50))
    looks: list[int] = []

    with transaction.atomic():
        claimed = Claimer(between_looks=lambda: looks.append(1)).claim(10)

    assert [event.pk for event in claimed.events] == [free.pk]
    assert len(looks) == 2


def test_each_look_has_the_watchdogs_time_anew_so_that_no_backlog_ends_the_worker(publish_reading, policy, monkeypatch):
    monkeypatch.setattr(claiming, "WINDOW", 10)
    monkeypatch.setattr(claiming, "WIDE_WINDOW", 11)
    events = [publish_reading(gauge_id=1) for _ in range(100)]
    OutboxEvent.objects.filter(pk=events[0].pk).update(next_attempt_at=timezone.now() + timedelta(minutes=50))
    watchdog = Watchdog(on=False)
    armed: list[float] = []
    monkeypatch.setattr(watchdog, "arm", armed.append)

    Dispatcher(policy=policy, watchdog=watchdog).dispatch(10)

    assert len(armed) > 10


def test_the_time_of_a_claim_is_not_taken_from_the_handlers(publish_reading, policy, effects, monkeypatch):
    monkeypatch.setattr(dispatching, "BATCH_SECONDS", 0.2)
    handles(GaugeCalibrated, name="test.effect")(leave_effect)
    for reading in range(3):
        publish_reading(reading=reading)
    claim = Claimer.claim

    def slow(self, limit, *, thorough=True):
        started = time.monotonic()
        claimed = claim(self, limit, thorough=thorough)
        wait_until(lambda: time.monotonic() > started + 0.2)
        return claimed

    monkeypatch.setattr(Claimer, "claim", slow)

    assert Dispatcher(policy=policy).dispatch(10).processed == 3


def test_what_others_hold_is_told_beside_waiting_events_of_unknown_types(publish_reading, another_worker_holds):
    held = publish_reading(gauge_id=1)
    parked = publish_reading(gauge_id=2)
    OutboxEvent.objects.filter(pk=parked.pk).update(
        event_type="OF_NEWER_CODE", next_attempt_at=timezone.now() + timedelta(minutes=1)
    )
    another_worker_holds(held.pk)

    with transaction.atomic():
        claimed = Claimer().claim(10)

    assert (claimed.events, claimed.held_by_others) == ([], 1)


@pytest.mark.parametrize("by_hand", ["infinity", "-infinity", "1965-01-01"])
def test_a_time_that_a_person_set_neither_stops_the_outbox_nor_hides_the_event(publish_reading, by_hand):
    events = [publish_reading(gauge_id=gauge).pk for gauge in range(3)]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE outbox_outboxevent SET next_attempt_at = %s WHERE id = %s", [by_hand, events[0]])

    with transaction.atomic():
        claimed = Claimer().claim(10)

    assert [event.pk for event in claimed.events] == events


def test_an_empty_claim_says_when_the_next_retry_is_due(publish_reading):
    event = publish_reading()
    OutboxEvent.objects.filter(pk=event.pk).update(next_attempt_at=timezone.now() + timedelta(minutes=50))

    with transaction.atomic():
        claimed = Claimer().claim(10)

    assert claimed.events == []
    assert 2900 < claimed.next_due_seconds <= 3000
