"""Effects of one aggregate come in the order of its events, whoever handles them, in a batch as alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outbox.engine.dispatcher import Dispatcher
from outbox.models import OutboxEvent, ProcessedEvent
from outbox.publisher import publish_all
from outbox.registry import handles, handles_batch
from outbox.testing import isolated_registry
from outbox.tests.gauges import GaugeCalibrated

pytestmark = pytest.mark.django_db


@dataclass(frozen=True, kw_only=True)
class GaugeOpened(GaugeCalibrated):
    event_type: ClassVar[str] = "TEST_GAUGE_OPENED"


@dataclass(frozen=True, kw_only=True)
class GaugeClosed(GaugeCalibrated):
    event_type: ClassVar[str] = "TEST_GAUGE_CLOSED"


TYPES = (GaugeCalibrated, GaugeOpened, GaugeClosed)


@pytest.fixture(autouse=True)
def three_types():
    with isolated_registry(*TYPES):
        yield


@pytest.fixture
def journal():
    """What handlers did: (gauge, handler, reading), in the order in which they did it."""
    return []


def subscribe(journal, name, classes, in_batches):
    def note(delivery):
        journal.append((delivery.event.gauge_id, name, delivery.event.reading))

    def note_all(deliveries):
        for delivery in deliveries:
            note(delivery)

    if in_batches:
        handles_batch(*classes, name=name)(note_all)
    else:
        handles(*classes, name=name)(note)


def store(*events):
    with transaction.atomic():
        publish_all([(event, None) for event in events], actor=None)


def per_gauge(journal):
    return {gauge: [entry for entry in journal if entry[0] == gauge] for gauge, _, _ in journal}


@pytest.mark.parametrize("in_batches", [False, True], ids=["one at a time", "in batches"])
def test_events_of_one_record_are_handled_in_their_order_also_by_handlers_of_different_types(
    policy, journal, in_batches
):
    subscribe(journal, "test.closed", [GaugeClosed], in_batches)
    subscribe(journal, "test.opened", [GaugeOpened], in_batches)
    store(GaugeClosed(gauge_id=1, reading=1), GaugeOpened(gauge_id=1, reading=2), GaugeClosed(gauge_id=1, reading=3))

    assert Dispatcher(policy=policy).dispatch(10).processed == 3

    assert journal == [(1, "test.closed", 1), (1, "test.opened", 2), (1, "test.closed", 3)]


def test_a_batch_handler_gets_all_events_of_a_batch_in_one_call_also_of_several_types_and_oldest_first(policy):
    calls = []
    handles_batch(*TYPES, name="test.batch")(
        lambda deliveries: calls.append([delivery.event.reading for delivery in deliveries])
    )
    store(*(TYPES[reading % 3](gauge_id=reading % 2, reading=reading) for reading in range(9)))

    Dispatcher(policy=policy).dispatch(10)

    assert calls == [list(range(9))]


def test_handlers_of_one_event_run_in_the_order_of_their_first_registration(policy, journal):
    subscribe(journal, "test.first", [GaugeOpened], False)
    subscribe(journal, "test.second", [GaugeClosed, GaugeOpened], True)
    subscribe(journal, "test.third", [GaugeOpened], True)
    # An event of another record that only the later handlers have must not bring them forward.
    store(GaugeClosed(gauge_id=1, reading=1), GaugeOpened(gauge_id=2, reading=2))

    Dispatcher(policy=policy).dispatch(10)

    assert [name for gauge, name, _ in journal if gauge == 2] == ["test.first", "test.second", "test.third"]


def test_a_handler_that_subscribes_in_two_calls_keeps_its_place(policy, journal):
    def note(name):
        return lambda delivery: journal.append(name)

    first, second = note("first"), note("second")
    handles(GaugeOpened, name="test.first")(first)
    handles(GaugeClosed, name="test.second")(second)
    handles(GaugeClosed, name="test.first")(first)
    store(GaugeClosed(gauge_id=1))

    Dispatcher(policy=policy).dispatch(10)

    assert journal == ["first", "second"]


events = st.lists(st.tuples(st.sampled_from(TYPES), st.integers(1, 3)), min_size=1, max_size=12)
subscriptions = st.lists(
    st.tuples(st.lists(st.sampled_from(TYPES), unique=True, min_size=1), st.booleans()), min_size=1, max_size=4
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(published=events, subscribed=subscriptions)
def test_a_batch_does_to_each_record_what_its_events_alone_would_do(policy, published, subscribed):
    assert by_batches_of(1, policy, published, subscribed) == by_batches_of(100, policy, published, subscribed)


def by_batches_of(limit, policy, published, subscribed):
    journal = []
    OutboxEvent.objects.all().delete()
    ProcessedEvent.objects.all().delete()
    with isolated_registry():
        for number, (classes, in_batches) in enumerate(subscribed):
            subscribe(journal, f"test.h{number}", classes, in_batches)
        store(*(cls(gauge_id=gauge, reading=reading) for reading, (cls, gauge) in enumerate(published)))
        worker = Dispatcher(policy=policy)
        while worker.dispatch(limit).moved:
            pass
    return per_gauge(journal)
