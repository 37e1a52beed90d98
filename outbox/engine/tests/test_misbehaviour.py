"""Handlers that hang, crash, or leave traces: counted, ended, and without harm to other events."""

from __future__ import annotations

import signal
from collections import Counter
from datetime import timedelta

import psycopg
import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from dev.waiting import wait_until
from outbox.choices import EventStatus
from outbox.engine.dispatcher import Dispatcher, dispatch_batch
from outbox.models import InHand, OutboxEvent, ProcessedEvent
from outbox.registry import handles
from outbox.services import requeue_dead_event
from outbox.tests.gauges import GaugeCalibrated, connected_workers, leave_effect

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

EXIT, SEGFAULT, SLEEP, SLEEP_IN_SQL, SPIN, HANG_IN_C, LOSE_CONNECTION, SWALLOW = range(-1, -9, -1)
QUICK = {"OUTBOX_BACKOFF_BASE": "0", "OUTBOX_POLL_INTERVAL": "0.05"}


def status_of(event: OutboxEvent) -> tuple[str, int]:
    stored = OutboxEvent.objects.get(pk=event.pk)
    return stored.status, stored.attempts


@pytest.fixture
def good_neighbours(publish_reading):
    """Publish events around the bad one; each must be handled once, whatever the bad one does."""

    def publish(reading: int) -> OutboxEvent:
        for gauge in range(10, 15):
            publish_reading(gauge_id=gauge, reading=1)
        bad = publish_reading(gauge_id=1, reading=reading)
        publish_reading(gauge_id=1, reading=2)  # behind the bad one, in its aggregate
        for gauge in range(20, 25):
            publish_reading(gauge_id=gauge, reading=1)
        return bad

    return publish


NEIGHBOURS = Counter([(str(gauge), 1) for gauge in (*range(10, 15), *range(20, 25))] + [("1", 2)])


@pytest.mark.parametrize("misdeed", [EXIT, SEGFAULT], ids=["os._exit", "segmentation fault"])
def test_a_handler_that_ends_its_process_is_counted_and_ends_dead(start_worker, good_neighbours, effects, misdeed):
    bad = good_neighbours(misdeed)

    for _ in range(20):
        worker = start_worker("--drain", "--max-attempts", "3", **QUICK)
        if worker.wait(timeout=60) == 0:
            break
    else:
        pytest.fail("the event crashes workers for ever")

    assert status_of(bad) == (EventStatus.DEAD, 3)
    assert "vanished while it handled this event" in OutboxEvent.objects.get(pk=bad.pk).last_error
    assert Counter(effects()) == NEIGHBOURS

    # The records of the vanished workers are still there, and speak of a turn that is over.
    OutboxEvent.objects.filter(pk=bad.pk).update(payload={"gauge_id": 1, "reading": 1})
    requeue_dead_event(event_id=bad.event_id, actor=None, reason="the handler has been mended")
    assert start_worker("--drain", "--max-attempts", "3", **QUICK).wait(timeout=60) == 0
    assert status_of(bad) == (EventStatus.PROCESSED, 0)
    assert Counter(effects()) == NEIGHBOURS + Counter([("1", 1)])


def test_a_handler_that_kills_its_connection_is_counted_and_ends_dead_under_one_worker(
    start_worker, good_neighbours, effects
):
    bad = good_neighbours(LOSE_CONNECTION)

    worker = start_worker("--max-attempts", "3", **QUICK)

    wait_until(lambda: status_of(bad) == (EventStatus.DEAD, 3), seconds=60, what="the event to be dead")
    wait_until(lambda: Counter(effects()) == NEIGHBOURS, seconds=20, what="the others to be handled")
    assert worker.poll() is None


@pytest.mark.parametrize(
    "misdeed", [SLEEP, SLEEP_IN_SQL, SPIN, SWALLOW], ids=["sleep", "sleep in SQL", "loop", "sleep that swallows"]
)
def test_a_handler_that_hangs_is_ended_by_its_deadline_and_counted(start_worker, good_neighbours, effects, misdeed):
    bad = good_neighbours(misdeed)

    worker = start_worker("--max-attempts", "2", "--handler-timeout", "0.5", **QUICK)

    wait_until(lambda: status_of(bad) == (EventStatus.DEAD, 2), seconds=60, what="the event to be dead")
    wait_until(lambda: Counter(effects()) == NEIGHBOURS, seconds=20, what="the others to be handled")
    assert worker.poll() is None
    error = OutboxEvent.objects.get(pk=bad.pk).last_error
    assert ("statement timeout" if misdeed == SLEEP_IN_SQL else "still running after 0.5 s") in error


def test_a_handler_that_nothing_can_interrupt_takes_its_process_along_and_is_counted(
    start_worker, good_neighbours, effects
):
    bad = good_neighbours(HANG_IN_C)
    options = ("--max-attempts", "1", "--handler-timeout", "0.2")

    first = start_worker(*options, **QUICK)  # in a batch: nobody knows which event it was
    assert first.wait(timeout=60) == 1
    second = start_worker(*options, **QUICK)  # alone
    assert second.wait(timeout=60) == 1
    start_worker(*options, **QUICK)

    wait_until(lambda: status_of(bad) == (EventStatus.DEAD, 1), seconds=30, what="the event to be dead")
    wait_until(lambda: Counter(effects()) == NEIGHBOURS, seconds=20, what="the others to be handled")
    assert "Timeout" in first.stdout.read()


def test_killing_a_worker_from_outside_counts_for_no_event(start_worker, publish_reading, effects):
    waiting = [publish_reading(gauge_id=gauge, reading=SLEEP if gauge == 3 else 1) for gauge in range(5)]
    worker = start_worker("--handler-timeout", "300", **QUICK)
    wait_until(InHand.objects.exists, seconds=30, what="a batch to be in hand")

    worker.kill()
    worker.wait(timeout=10)
    OutboxEvent.objects.filter(pk=waiting[3].pk).update(payload={"gauge_id": 3, "reading": 1})
    drain = start_worker("--drain")

    assert drain.wait(timeout=60) == 0
    assert Counter(effects()) == Counter((str(gauge), 1) for gauge in range(5))
    assert set(OutboxEvent.objects.values_list("attempts", flat=True)) == {0}


def test_a_worker_that_stops_in_good_order_leaves_no_record_of_what_it_had_in_hand(start_worker, publish_reading):
    event = publish_reading()
    worker = start_worker()
    wait_until(lambda: status_of(event)[0] == EventStatus.PROCESSED, seconds=30, what="the event to be processed")

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(timeout=10) == 0
    assert not InHand.objects.exists()


def test_a_worker_told_to_stop_gives_back_what_does_not_end_within_its_grace_time(
    start_worker, publish_reading, effects
):
    event = publish_reading(reading=SLEEP)
    worker = start_worker("--handler-timeout", "300")
    wait_until(InHand.objects.exists, seconds=30, what="the event to be in hand")

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(timeout=10) == 0
    assert status_of(event) == (EventStatus.PENDING, 0)
    assert effects() == []
    assert not InHand.objects.exists()


def test_a_second_signal_ends_a_worker_at_once_and_its_batch_is_rolled_back(start_worker, publish_reading, effects):
    event = publish_reading(reading=SLEEP)
    worker = start_worker("--handler-timeout", "300")
    wait_until(InHand.objects.exists, seconds=30, what="the event to be in hand")

    worker.send_signal(signal.SIGTERM)
    worker.send_signal(signal.SIGINT)

    assert worker.wait(timeout=3) == 1
    wait_until(lambda: not connected_workers(), what="its connection to end")
    assert status_of(event) == (EventStatus.PENDING, 0)
    assert effects() == []


LEAKS = {
    "a statement timeout": "SET statement_timeout = '1ms'",
    "a search path": "SET search_path = pg_catalog",
    "a role": "SET ROLE pg_read_all_stats",
    "a session's advisory lock": "SELECT pg_advisory_lock(4711)",
    "a setting by function": "SELECT set_config('work_mem', '64kB', false)",
    "a cursor": "DECLARE leaked CURSOR WITH HOLD FOR SELECT 1",
    "a temporary table": "CREATE TEMP TABLE leaked (id int)",
    "a listener": "LISTEN leaked",
    "a read-only session": "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
}


def session_state() -> tuple[object, ...]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('statement_timeout'), current_setting('search_path'), current_user::text,"
            " current_setting('work_mem'), current_setting('default_transaction_read_only'),"
            " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),"
            " (SELECT count(*) FROM pg_cursors), (SELECT count(*) FROM pg_listening_channels()),"
            " to_regclass('pg_temp.leaked') IS NULL"
        )
        return cursor.fetchone()


@pytest.mark.parametrize("statement", LEAKS.values(), ids=LEAKS.keys())
def test_what_a_handler_leaves_in_its_session_does_not_reach_the_next_event(publish_reading, policy, statement):
    clean = session_state()
    seen = []

    def leak_or_look(delivery):
        if delivery.event.reading == 1:
            with connection.cursor() as cursor:
                cursor.execute(statement)
        else:
            seen.append(session_state())

    handles(GaugeCalibrated, name="test.leak")(leak_or_look)
    publish_reading(gauge_id=1, reading=1)
    publish_reading(gauge_id=2, reading=2)

    while dispatch_batch(limit=10, policy=policy).moved:
        pass

    assert seen[-1] == clean
    assert session_state() == clean
    assert OutboxEvent.objects.filter(status=EventStatus.PROCESSED).count() == 2
    assert ProcessedEvent.objects.count() == 2


def run_out_of_disk(delivery):
    """As a handler that wraps what went wrong."""
    if delivery.event.reading == 1:
        try:
            raise psycopg.errors.DiskFull("could not extend file: No space left on device")
        except psycopg.Error as error:
            raise RuntimeError("could not write") from error
    leave_effect(delivery)


def test_a_full_disk_counts_for_no_event(publish_reading, policy):
    handles(GaugeCalibrated, name="test.full")(run_out_of_disk)
    events = [publish_reading(gauge_id=gauge, reading=1) for gauge in (1, 2)]

    with pytest.raises(OperationalError, match="cannot work"):
        dispatch_batch(limit=10, policy=policy)

    assert [status_of(event) for event in events] == [(EventStatus.PENDING, 0)] * 2


def test_after_an_outage_batches_start_small_and_grow_again(publish_reading, policy):
    handles(GaugeCalibrated, name="test.full")(run_out_of_disk)
    first = publish_reading(gauge_id=0, reading=1)
    for gauge in range(1, 40):
        publish_reading(gauge_id=gauge, reading=2)
    worker = Dispatcher(policy=policy)
    OutboxEvent.objects.exclude(pk=first.pk).update(next_attempt_at=timezone.now() + timedelta(hours=1))
    with pytest.raises(OperationalError):
        worker.dispatch(20)
    OutboxEvent.objects.filter(pk=first.pk).update(payload={"gauge_id": 0, "reading": 2})
    OutboxEvent.objects.update(next_attempt_at=timezone.now())

    processed = [worker.dispatch(20).processed for _ in range(4)]

    assert processed == [5, 10, 20, 5]


def test_a_handler_that_fills_the_disk_while_others_can_write_is_counted_and_holds_up_nobody(
    publish_reading, policy, effects
):
    handles(GaugeCalibrated, name="test.full")(run_out_of_disk)
    event = publish_reading(gauge_id=1, reading=1)
    publish_reading(gauge_id=2, reading=2)

    result = dispatch_batch(limit=10, policy=policy)

    assert (result.processed, result.retried) == (1, 1)
    assert status_of(event) == (EventStatus.PENDING, 1)
    assert effects() == [("2", 2)]


@pytest.mark.parametrize("limit", [10, 1], ids=["in a batch", "alone"])
def test_a_violated_deferred_constraint_is_counted_for_its_event_and_for_no_other(
    publish_reading, policy, effects, limit
):
    """Django declares foreign keys as deferred, so the server would find them in the COMMIT of the whole batch."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE part (id int PRIMARY KEY)")
        cursor.execute("CREATE TEMP TABLE hole (part int REFERENCES part DEFERRABLE INITIALLY DEFERRED)")

    def refer_to_nothing(delivery):
        leave_effect(delivery)
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO hole VALUES (%s)", [delivery.event.reading])
            if delivery.event.reading != 4:
                cursor.execute("INSERT INTO part VALUES (%s)", [delivery.event.reading])

    handles(GaugeCalibrated, name="test.reference")(refer_to_nothing)
    events = [publish_reading(gauge_id=reading, reading=reading) for reading in range(6)]

    try:
        while dispatch_batch(limit=limit, policy=policy).moved:
            pass
    finally:
        connection.close()  # takes the tables along

    assert [status_of(event) for event in events] == [
        (EventStatus.PENDING, 1) if reading == 4 else (EventStatus.PROCESSED, 0) for reading in range(6)
    ]
    assert "hole_part_fkey" in OutboxEvent.objects.get(pk=events[4].pk).last_error
    assert [reading for _, reading in effects()] == [0, 1, 2, 3, 5]


class Unspeakable(Exception):
    def __repr__(self) -> str:
        raise ValueError("no")

    __str__ = __repr__


def test_an_exception_that_cannot_be_shown_is_counted_and_ends_no_worker(publish_reading, policy, effects):
    def fail_unspeakably(delivery):
        if delivery.event.reading == 1:
            raise Unspeakable
        leave_effect(delivery)

    handles(GaugeCalibrated, name="test.unspeakable")(fail_unspeakably)
    event = publish_reading(gauge_id=1, reading=1)
    publish_reading(gauge_id=2, reading=2)

    dispatch_batch(limit=10, policy=policy)

    assert status_of(event) == (EventStatus.PENDING, 1)
    assert "Unspeakable" in OutboxEvent.objects.get(pk=event.pk).last_error
    assert effects() == [("2", 2)]


@pytest.mark.parametrize("payload", ["[" * 3000 + "]" * 3000, "9" * 5000], ids=["too deep", "a number too long"])
def test_a_payload_that_cannot_be_decoded_is_counted_and_ends_no_worker(publish_reading, policy, effects, payload):
    handles(GaugeCalibrated, name="test.effect")(leave_effect)
    event = publish_reading(gauge_id=1, reading=1)
    publish_reading(gauge_id=2, reading=2)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE outbox_outboxevent SET payload = %s WHERE id = %s", [payload, event.pk])

    dispatch_batch(limit=10, policy=policy)

    stored = OutboxEvent.objects.filter(pk=event.pk).values_list("status", "attempts").get()
    assert stored == (EventStatus.PENDING, 1)
    assert effects() == [("2", 2)]


def test_a_session_that_was_reset_still_reads_times_as_utc(publish_reading, policy):
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} SET timezone = 'Asia/Tokyo'")
    connection.close()
    seen = []

    def leak_or_look(delivery):
        if delivery.event.reading == 1:
            with connection.cursor() as cursor:
                cursor.execute("SET work_mem = '64kB'")
        seen.append(delivery.event_id)
        assert OutboxEvent.objects.get(event_id=delivery.event_id).created_at > timezone.now() - timedelta(hours=1)
        assert OutboxEvent.objects.get(event_id=delivery.event_id).created_at < timezone.now() + timedelta(hours=1)

    handles(GaugeCalibrated, name="test.leak")(leak_or_look)
    try:
        for reading in (1, 2, 3):
            publish_reading(gauge_id=reading, reading=reading)
            dispatch_batch(limit=10, policy=policy)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {name} RESET timezone")
        connection.close()

    assert OutboxEvent.objects.filter(status=EventStatus.PROCESSED).count() == 3


def test_a_handler_that_makes_its_transaction_read_only_is_counted_and_holds_up_nobody(
    publish_reading, policy, effects
):
    def write_after_all(delivery):
        if delivery.event.reading == 1:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION READ ONLY")
        leave_effect(delivery)

    handles(GaugeCalibrated, name="test.read_only")(write_after_all)
    event = publish_reading(gauge_id=1, reading=1)
    publish_reading(gauge_id=2, reading=2)

    while dispatch_batch(limit=10, policy=policy).moved:
        pass

    assert status_of(event)[1] >= 1
    assert effects() == [("2", 2)]


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


def test_slow_handlers_make_batches_shorter(publish_reading, policy, monkeypatch):
    from outbox.engine import dispatcher

    monkeypatch.setattr(dispatcher, "BATCH_SECONDS", 0.0)
    handles(GaugeCalibrated, name="test.effect")(leave_effect)
    for gauge in range(8):
        publish_reading(gauge_id=gauge)
    subject = dispatcher.Dispatcher(policy=policy)

    results = [subject.dispatch(8).processed for _ in range(8)]

    assert results == [1] * 8  # each batch runs out of time at once, and still makes progress
    assert subject._shrunk_to == 1
