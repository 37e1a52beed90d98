"""Which errors count for an event, and which for the database. How large the batches after them are."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

import psycopg
import pytest
from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from outbox.choices import EventStatus
from outbox.engine.dispatcher import Dispatcher
from outbox.models import OutboxEvent
from outbox.publisher import publish
from outbox.registry import handles
from outbox.testing import isolated_registry
from outbox.tests.gauges import GaugeCalibrated, leave_effect, status_of

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


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
        Dispatcher(policy=policy).dispatch(10)

    assert [status_of(event) for event in events] == [(EventStatus.PENDING, 0)] * 2


def test_after_an_outage_batches_start_small_and_grow_again(publish_reading, policy):
    handles(GaugeCalibrated, name="test.full")(run_out_of_disk)
    first = publish_reading(gauge_id=0, reading=1)
    for gauge in range(1, 40):
        publish_reading(gauge_id=gauge, reading=2)
    worker = Dispatcher(policy=policy)
    OutboxEvent.objects.exclude(pk=first.pk).update(next_attempt_at=timezone.now() + timedelta(minutes=50))
    with pytest.raises(OperationalError):
        worker.dispatch(20)
    OutboxEvent.objects.filter(pk=first.pk).update(payload={"gauge_id": 0, "reading": 2})
    OutboxEvent.objects.update(next_attempt_at=timezone.now())

    processed = [worker.dispatch(20).processed for _ in range(4)]

    assert processed == [5, 10, 20, 5]


@pytest.mark.parametrize("own", [False, True], ids=["the engine's statement", "the handler's own"])
def test_an_event_whose_handler_fills_the_disk_by_itself_waits_with_its_error_and_holds_up_nobody(
    publish_reading, policy, effects, own
):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE spill (reading int)")
        cursor.execute(
            "CREATE FUNCTION overflow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "IF EXISTS (SELECT FROM spill) THEN RAISE EXCEPTION 'no space' USING ERRCODE = '53100'; END IF; "
            "RETURN NEW; END $$"
        )
        table = "audit_auditentry" if own else "outbox_outboxevent"
        timing = "INSERT" if own else "UPDATE"
        cursor.execute(f"CREATE TRIGGER overflow BEFORE {timing} ON {table} FOR EACH ROW EXECUTE FUNCTION overflow()")

    def spill(delivery):
        if delivery.event.reading == 1:
            with connection.cursor() as cursor:
                cursor.execute("INSERT INTO spill VALUES (1)")
        leave_effect(delivery)

    handles(GaugeCalibrated, name="test.spill")(spill)
    bad = publish_reading(gauge_id=1, reading=1)
    try:
        for gauge in range(2, 5):
            publish_reading(gauge_id=gauge, reading=gauge)
            make_all_due()
            Dispatcher(policy=policy).dispatch(10)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE spill")
            cursor.execute("DROP FUNCTION overflow CASCADE")

    assert status_of(bad) == (EventStatus.PENDING, 0)
    assert "uncounted. [test.spill] OperationalError('no space" in OutboxEvent.objects.get(pk=bad.pk).last_error
    assert effects() == [("2", 2), ("3", 3), ("4", 4)]


def test_an_event_that_the_database_refuses_holds_up_no_other_when_batches_have_shrunk_to_one(
    publish_reading, policy, effects
):
    handles(GaugeCalibrated, name="test.full")(run_out_of_disk)
    bad = publish_reading(gauge_id=1, reading=1)
    worker = Dispatcher(policy=policy)
    for _ in range(3):
        make_all_due()
        with pytest.raises(OperationalError, match="cannot work"):
            worker.dispatch(10)
    publish_reading(gauge_id=2, reading=2)
    make_all_due()

    for _ in range(3):
        with suppress(OperationalError):
            worker.dispatch(10)

    assert (effects(), status_of(bad)) == ([("2", 2)], (EventStatus.PENDING, 0))


def test_a_failure_is_counted_although_all_others_of_its_batch_wait_for_the_database(publish_reading, policy):
    def fail(delivery):
        if delivery.event.reading == 2:
            raise RuntimeError("of its own")
        run_out_of_disk(delivery)

    handles(GaugeCalibrated, name="test.full")(fail)
    events = [publish_reading(gauge_id=gauge, reading=gauge) for gauge in (1, 2)]

    result = Dispatcher(policy=policy).dispatch(10)

    assert (result.parked, result.retried) == (1, 1)
    assert [status_of(event) for event in events] == [(EventStatus.PENDING, 0), (EventStatus.PENDING, 1)]


def test_a_disk_full_under_one_handler_only_counts_for_no_event_and_holds_up_no_other_handler(
    publish_reading, policy, effects
):
    @dataclass(frozen=True, kw_only=True)
    class GaugeOpened(GaugeCalibrated):
        event_type: ClassVar[str] = "TEST_GAUGE_OPENED"

    with isolated_registry(GaugeOpened):
        handles(GaugeCalibrated, name="test.full")(run_out_of_disk)
        handles(GaugeOpened, name="test.effect")(leave_effect)
        bad = publish_reading(gauge_id=1, reading=1)
        for gauge in range(2, 6):
            with transaction.atomic():
                publish(GaugeOpened(gauge_id=gauge, reading=gauge), actor=None)
            make_all_due()
            Dispatcher(policy=policy).dispatch(10)

        assert status_of(bad) == (EventStatus.PENDING, 0)
        assert effects() == [(str(gauge), gauge) for gauge in range(2, 6)]
        assert "Waiting for the database, uncounted" in OutboxEvent.objects.get(pk=bad.pk).last_error


def make_all_due():
    OutboxEvent.objects.pending().update(next_attempt_at=Now())


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

    Dispatcher(policy=policy).dispatch(10)

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

    Dispatcher(policy=policy).dispatch(10)

    stored = OutboxEvent.objects.filter(pk=event.pk).values_list("status", "attempts").get()
    assert stored == (EventStatus.PENDING, 1)
    assert effects() == [("2", 2)]


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
