"""What `outbox.testing` promises to those who test with it. They may use pytest or unittest."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import ClassVar

import pytest
from django.db import transaction
from django.test import TestCase

from outbox import testing
from outbox.choices import EventStatus
from outbox.errors import MalformedPayload, UnretryableError
from outbox.events import DomainEvent, event_types
from outbox.models import OutboxEvent
from outbox.publisher import publish
from outbox.registry import handlers_of, handles, handles_batch
from outbox.testing import (
    assert_nothing_published,
    assert_published,
    assert_publishes,
    assert_publishes_nothing,
    isolated_registry,
    published,
)
from outbox.tests.gauges import GaugeCalibrated, leave_effect

pytestmark = pytest.mark.django_db


@dataclass(frozen=True, kw_only=True)
class GaugeScrapped(DomainEvent):
    event_type: ClassVar[str] = "TEST_GAUGE_SCRAPPED"
    aggregate_type: ClassVar[str] = "gauge"
    aggregate_id_field: ClassVar[str] = "gauge_id"

    gauge_id: int


@dataclass(frozen=True, kw_only=True)
class GaugeRecalibrated(GaugeCalibrated):
    event_type: ClassVar[str] = "TEST_GAUGE_RECALIBRATED"


@pytest.fixture(autouse=True)
def registered():
    with isolated_registry(GaugeScrapped, GaugeRecalibrated):
        yield


@pytest.fixture
def scrap():
    def publish_one(gauge_id=1):
        with transaction.atomic():
            return publish(GaugeScrapped(gauge_id=gauge_id), actor=None)

    return publish_one


class GaugeIsStuck(Exception):
    pass


def fail(delivery):
    raise GaugeIsStuck(f"gauge {delivery.event.gauge_id}")


def state_of(event):
    event.refresh_from_db()
    return event.status, event.attempts


class TestDrain:
    def test_handles_everything_that_is_due_and_what_that_publishes(self, drain, publish_reading, scrap):
        def scrap_another(delivery):
            if delivery.event.gauge_id < 3:
                scrap(delivery.event.gauge_id + 1)

        handles(GaugeCalibrated, GaugeScrapped, name="test.scrap_another")(scrap_another)
        publish_reading(gauge_id=1)

        result = drain()

        assert result.processed == 3
        assert [event.event_type for event in published()] == [
            "TEST_GAUGE_CALIBRATED",
            "TEST_GAUGE_SCRAPPED",
            "TEST_GAUGE_SCRAPPED",
        ]
        assert not OutboxEvent.objects.pending().exists()

    def test_an_empty_outbox_is_drained(self, drain):
        assert drain().moved == 0

    @pytest.mark.parametrize("register", [handles, handles_batch])
    def test_raises_what_the_handler_raised_with_its_traceback(self, drain, publish_reading, register):
        def fail_either_way(argument):
            fail(argument if register is handles else argument[0])

        register(GaugeCalibrated, name="test.fail")(fail_either_way)
        publish_reading(gauge_id=7)

        with pytest.raises(GaugeIsStuck, match="gauge 7") as failure:
            drain()

        assert "fail_either_way" in [frame.name for frame in traceback.extract_tb(failure.value.__traceback__)]
        assert failure.value.__notes__ == ["Raised by the handler test.fail."]

    def test_what_it_raises_is_recorded_once_and_harms_no_other_event(self, drain, publish_reading, effects):
        def fail_for_1(delivery):
            if delivery.event.gauge_id == 1:
                fail(delivery)
            leave_effect(delivery)

        handles(GaugeCalibrated, name="test.fail_for_1")(fail_for_1)
        first, second = publish_reading(gauge_id=1), publish_reading(gauge_id=2, reading=5)

        with pytest.raises(GaugeIsStuck):
            drain()

        assert state_of(first) == (EventStatus.PENDING, 1)
        assert "GaugeIsStuck: gauge 1" in first.last_error
        assert state_of(second) == (EventStatus.PROCESSED, 0)
        assert effects() == [("2", 5)]

    @pytest.mark.parametrize("error", [UnretryableError("no such gauge"), SystemExit(3), AssertionError()])
    def test_raises_errors_of_every_kind(self, drain, publish_reading, error):
        def leave(delivery):
            raise error

        handles(GaugeCalibrated, name="test.leave")(leave)
        publish_reading()

        with pytest.raises(type(error)) as failure:
            drain()

        assert failure.value is error

    def test_raises_for_a_failure_outside_of_the_handlers_code_too(self, drain, publish_reading):
        handles(GaugeCalibrated, name="test.effect")(leave_effect)
        event = publish_reading()
        OutboxEvent.objects.filter(pk=event.pk).update(payload={"wrong": 1})

        with pytest.raises(AssertionError, match=rf"{event.event_id} failed: .*{MalformedPayload.__name__}"):
            drain()

    def test_a_failure_that_is_older_is_not_raised_again(self, drain, publish_reading):
        handles(GaugeCalibrated, name="test.fail")(fail)
        publish_reading(gauge_id=1)
        drain(raise_errors=False)

        assert drain().moved == 0

    def test_leaves_the_handlers_registered_as_they_were(self, drain, publish_reading):
        handles(GaugeCalibrated, name="test.fail")(fail)
        before = list(handlers_of(GaugeCalibrated.event_type))
        publish_reading()

        with pytest.raises(GaugeIsStuck):
            drain()

        assert handlers_of(GaugeCalibrated.event_type) == before
        assert before[-1].function is fail


class TestDrainWithoutRaising:
    def test_a_failed_event_waits_for_its_retry_with_those_behind_it(self, drain, publish_reading):
        handles(GaugeCalibrated, name="test.fail")(fail)
        first, second = publish_reading(gauge_id=1), publish_reading(gauge_id=1)

        result = drain(raise_errors=False)

        assert (result.retried, result.processed) == (1, 0)
        assert state_of(first) == (EventStatus.PENDING, 1)
        assert state_of(second) == (EventStatus.PENDING, 0)
        assert drain(raise_errors=False).moved == 0

    def test_an_error_that_no_retry_can_mend_makes_it_dead_at_once(self, drain, publish_reading):
        def refuse(delivery):
            raise UnretryableError("no such gauge")

        handles(GaugeCalibrated, name="test.refuse")(refuse)
        event = publish_reading()

        assert drain(raise_errors=False).dead == 1
        assert state_of(event) == (EventStatus.DEAD, 1)

    def test_with_retries_it_goes_on_until_the_event_is_dead(self, drain, publish_reading, settings):
        settings.OUTBOX_MAX_ATTEMPTS = 4
        handles(GaugeCalibrated, name="test.fail")(fail)
        event = publish_reading()

        result = drain(raise_errors=False, retries=True)

        assert (result.retried, result.dead) == (3, 1)
        assert state_of(event) == (EventStatus.DEAD, 4)

    def test_with_retries_it_handles_what_waited_once_the_fault_is_mended(self, drain, publish_reading, effects):
        broken = [True]

        def fail_while_broken(delivery):
            if broken:
                fail(delivery)
            leave_effect(delivery)

        handles(GaugeCalibrated, name="test.fail_while_broken")(fail_while_broken)
        for reading in (1, 2):
            publish_reading(gauge_id=1, reading=reading)
        drain(raise_errors=False)
        broken.clear()

        assert drain().processed == 0
        assert drain(retries=True).processed == 2

        assert effects() == [("1", 1), ("1", 2)]

    def test_with_retries_and_raising_it_tries_once_more(self, drain, publish_reading):
        handles(GaugeCalibrated, name="test.fail")(fail)
        event = publish_reading()
        drain(raise_errors=False)

        with pytest.raises(GaugeIsStuck):
            drain(retries=True)

        assert state_of(event) == (EventStatus.PENDING, 2)


@pytest.mark.django_db(transaction=True)
def test_drain_works_outside_of_a_transaction_as_a_worker_does(drain, publish_reading, effects):
    handles(GaugeCalibrated, name="test.effect")(leave_effect)
    publish_reading(gauge_id=1, reading=5)

    assert drain().processed == 1
    assert effects() == [("1", 5)]


class TestPublished:
    def test_returns_the_rows_of_a_class_oldest_first_handled_or_not(self, drain, publish_reading, scrap):
        first, _, second = publish_reading(1), scrap(1), publish_reading(2)
        drain()

        assert published(GaugeCalibrated) == [first, second]

    def test_returns_those_with_the_given_keys(self, publish_reading):
        _, second = publish_reading(gauge_id=1, reading=4), publish_reading(gauge_id=2, reading=4)

        assert published(GaugeCalibrated, reading=4, gauge_id=2) == [second]

    def test_of_a_base_class_returns_the_events_of_all_classes_under_it(self, publish_reading, scrap):
        first, _ = publish_reading(), scrap()
        with transaction.atomic():
            second = publish(GaugeRecalibrated(gauge_id=1), actor=None)

        assert published(GaugeCalibrated) == [first, second]
        assert published(GaugeRecalibrated) == [second]

    def test_of_no_class_returns_everything(self, publish_reading, scrap):
        first, second = publish_reading(), scrap()

        assert published() == [first, second]

    def test_a_mistyped_key_is_refused_and_not_simply_found_nowhere(self):
        with pytest.raises(TypeError, match="GaugeCalibrated has no field gauge"):
            published(GaugeCalibrated, gauge=1)

    def test_a_class_that_is_not_registered_is_refused(self):
        del event_types[GaugeScrapped.event_type]

        with pytest.raises(ValueError, match="GaugeScrapped is not registered"):
            published(GaugeScrapped)


class TestAssertPublished:
    def test_returns_the_row_of_the_one_event(self, publish_reading):
        publish_reading(gauge_id=1, reading=4)
        second = publish_reading(gauge_id=2, reading=4)

        assert assert_published(GaugeCalibrated, gauge_id=2) == second

    def test_tells_what_was_published_instead_and_in_what_it_differs(self, publish_reading, scrap):
        publish_reading(gauge_id=1, reading=4)
        scrap(3)

        with pytest.raises(AssertionError) as failure:
            assert_published(GaugeCalibrated, gauge_id=1, reading=5)

        assert str(failure.value).splitlines() == [
            "GaugeCalibrated (TEST_GAUGE_CALIBRATED) with gauge_id=1, reading=5 was not published.",
            "Published, newest first:",
            '  TEST_GAUGE_SCRAPPED {"gauge_id": 3}',
            '  TEST_GAUGE_CALIBRATED {"gauge_id": 1, "reading": 4}  <- differs in reading',
        ]

    def test_tells_that_nothing_was_published_at_all(self):
        with pytest.raises(AssertionError, match=r"TEST_GAUGE_SCRAPPED\) was not published\.\nNothing was published\."):
            assert_published(GaugeScrapped)

    def test_two_are_not_one(self, scrap):
        scrap(1)
        scrap(1)

        with pytest.raises(AssertionError, match="with gauge_id=1 was published 2 times"):
            assert_published(GaugeScrapped, gauge_id=1)

    def test_a_long_list_is_cut_at_its_older_end(self, scrap):
        for gauge in range(testing.LISTED + 5):
            scrap(gauge)

        with pytest.raises(AssertionError) as failure:
            assert_published(GaugeCalibrated)

        lines = str(failure.value).splitlines()
        assert lines[2] == '  TEST_GAUGE_SCRAPPED {"gauge_id": 24}'
        assert lines[-1] == "  … and older ones"
        assert len(lines) == 2 + testing.LISTED + 1


class TestAssertNothingPublished:
    def test_passes_when_there_is_no_event_of_the_class_or_none_with_the_keys(self, scrap):
        assert_nothing_published()
        scrap(1)

        assert_nothing_published(GaugeCalibrated)
        assert_nothing_published(GaugeScrapped, gauge_id=2)

    def test_fails_and_lists_what_there_is(self, scrap):
        scrap(1)

        with pytest.raises(AssertionError, match=r'^An event was published\.\n(.*\n)*  TEST_GAUGE_SCRAPPED \{"g'):
            assert_nothing_published()
        with pytest.raises(AssertionError, match=r"^GaugeScrapped \(TEST_GAUGE_SCRAPPED\) was published\."):
            assert_nothing_published(GaugeScrapped)


class TestBlocks:
    def test_an_event_of_the_block_is_found_and_handed_out(self, scrap):
        scrap(1)

        with assert_publishes(GaugeScrapped, gauge_id=1) as events:
            second = scrap(1)

        assert events == [second]

    def test_an_event_from_before_the_block_does_not_count(self, scrap):
        scrap(1)

        with pytest.raises(AssertionError) as failure, assert_publishes(GaugeScrapped):
            pass

        assert str(failure.value).endswith("was not published.\nNothing was published in this block.")

    def test_a_block_that_publishes_nothing_passes_whatever_was_before(self, scrap):
        scrap(1)

        with assert_publishes_nothing():
            pass

    def test_a_block_that_publishes_fails_and_lists_only_its_own(self, scrap, publish_reading):
        scrap(1)

        with pytest.raises(AssertionError) as failure, assert_publishes_nothing():
            publish_reading(gauge_id=2, reading=3)

        assert str(failure.value).splitlines() == [
            "An event was published.",
            "Published in this block, newest first:",
            '  TEST_GAUGE_CALIBRATED {"gauge_id": 2, "reading": 3}',
        ]

    def test_events_of_other_classes_are_allowed_when_a_class_is_named(self, scrap):
        with assert_publishes_nothing(GaugeCalibrated), assert_publishes(GaugeScrapped):
            scrap(1)

    @pytest.mark.parametrize("block", [assert_publishes, assert_publishes_nothing])
    def test_an_error_in_the_block_is_not_hidden_by_the_check(self, block, scrap):
        with pytest.raises(GaugeIsStuck), block(GaugeCalibrated):
            raise GaugeIsStuck


class TestIsolatedRegistry:
    def test_takes_back_what_the_block_registered_even_after_an_error(self):
        handlers, types = list(handlers_of(GaugeScrapped.event_type)), dict(event_types)

        with pytest.raises(GaugeIsStuck), isolated_registry():
            handles(GaugeScrapped, name="test.fail")(fail)
            del event_types[GaugeScrapped.event_type]
            raise GaugeIsStuck

        assert list(handlers_of(GaugeScrapped.event_type)) == handlers
        assert event_types == types


class UnittestTests(TestCase):
    """Nothing of it needs pytest."""

    def test_a_failure_is_a_failure_for_unittest_too(self):
        with self.assertRaises(self.failureException), assert_publishes(GaugeScrapped):
            pass

    def test_a_drained_event_is_handled(self):
        handles(GaugeScrapped, name="test.note")(lambda delivery: None)
        with assert_publishes(GaugeScrapped, gauge_id=1) as events, transaction.atomic():
            publish(GaugeScrapped(gauge_id=1), actor=None)

        self.assertEqual(testing.drain().processed, 1)

        self.assertEqual(state_of(events[0]), (EventStatus.PROCESSED, 0))
