"""Who gets a turn: types, aggregates, retries beside fresh events, and workers beside each other."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import pytest
from django.db import transaction

from outbox.engine import claim as claiming
from outbox.engine.claim import Claimer
from outbox.engine.statements import look, mark_processed
from outbox.engine.tests.backlog import store_rows
from outbox.models import OutboxEvent
from outbox.testing import isolated_registry
from outbox.tests.gauges import GaugeCalibrated

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.postgres
def test_types_take_turns_so_that_a_flood_of_one_does_not_starve_another(publish_reading):
    for gauge in range(200):
        publish_reading(gauge_id=gauge)
    rare = [publish_reading(gauge_id=1000 + number).pk for number in range(3)]
    OutboxEvent.objects.filter(pk__in=rare).update(event_type="NC_CREATED")

    with transaction.atomic():
        claimed = Claimer().claim(10)

    assert set(rare) <= {event.pk for event in claimed.events}
    assert len(claimed.events) == 10


def test_aggregates_take_turns_so_that_a_busy_one_does_not_starve_another(publish_reading):
    for reading in range(500):
        publish_reading(gauge_id=1, reading=reading)
    quiet = publish_reading(gauge_id=2)

    claimer, claimed = Claimer(), []
    for _ in range(2):
        with transaction.atomic():
            claimed += claimer.claim(10).events
            mark_processed([event.pk for event in claimed])
        claimer.settled({event.pk for event in claimed}, all_processed=True)

    assert quiet.pk in {event.pk for event in claimed}
    busy = [event.payload["reading"] for event in claimed if event.aggregate_id == "1"]
    assert busy == list(range(19))


def test_places_that_are_left_are_dealt_in_turn_among_the_aggregates_behind_the_heads(publish_reading):
    for gauge in range(10):
        for _ in range(30):
            publish_reading(gauge_id=gauge)

    with transaction.atomic():
        claimed = Claimer().claim(100)

    counts = Counter(event.aggregate_id for event in claimed.events)
    assert sum(counts.values()) == 100
    assert max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.postgres
def test_a_worker_finds_work_behind_a_busy_aggregate_that_another_worker_holds(publish_reading, another_worker_holds):
    head = publish_reading(gauge_id=1)
    for reading in range(100):
        publish_reading(gauge_id=1, reading=reading)
    free = publish_reading(gauge_id=2)
    another_worker_holds(head.pk)

    with transaction.atomic():
        claimed = Claimer().claim(2)

    assert [event.pk for event in claimed.events] == [free.pk]


@pytest.mark.postgres
@pytest.mark.parametrize("due", ["now() - interval '1 hour'", "now() + interval '1 year'"], ids=["due", "impossible"])
def test_a_flood_of_fresh_events_does_not_starve_retries(due):
    store_rows(2_000)
    retries = store_rows(3, gauge="100000 + i", due=due)

    with transaction.atomic():
        claimed = Claimer().claim(10)

    assert set(retries) <= {event.pk for event in claimed.events}


@pytest.mark.postgres
def test_a_flood_of_retries_does_not_starve_fresh_events():
    store_rows(2_000, due="now() - interval '1 hour'")
    fresh = store_rows(3, gauge="100000 + i")

    with transaction.atomic():
        claimed = Claimer().claim(10)

    assert set(fresh) <= {event.pk for event in claimed.events}


@pytest.mark.postgres
@pytest.mark.parametrize("aggregates", [30, 1_000])
def test_workers_beside_each_other_all_find_aggregates_that_are_free(aggregates, another_worker_holds):
    store_rows(aggregates * 20, gauge=f"mod(i, {aggregates})")

    shares = []
    for _ in range(3):
        with transaction.atomic():
            events = Claimer().claim(100).events
        another_worker_holds(*(event.pk for event in events))
        shares.append(events)

    assert [len(events) > 50 for events in shares] == [True] * 3, [len(events) for events in shares]
    owners = Counter(aggregate for events in shares for aggregate in {event.aggregate for event in events})
    assert set(owners.values()) == {1}, "two workers have events of one aggregate"


@pytest.mark.postgres
def test_a_worker_leaves_free_heads_of_few_aggregates_with_many_events(another_worker_holds):
    store_rows(3_000, gauge="mod(i, 30)")

    with transaction.atomic():
        first = Claimer().claim(100).events
    another_worker_holds(*(event.pk for event in first))
    with transaction.atomic():
        second = Claimer().claim(100).events

    assert len({event.aggregate for event in first}) <= 15
    assert len(second) > 50


def type_number(number: int) -> type[GaugeCalibrated]:
    @dataclass(frozen=True, kw_only=True)
    class Gauge(GaugeCalibrated):
        event_type: ClassVar[str] = f"TEST_GAUGE_{number}"

    return Gauge


@pytest.mark.postgres
def test_twenty_types_share_a_window_and_all_get_a_turn(monkeypatch):
    rows = []

    def watched(sources, window):
        seen = look(sources, window)
        rows.append(seen.rows)
        return seen

    monkeypatch.setattr(claiming, "look", watched)
    with isolated_registry(*(type_number(number) for number in range(20))):
        for number in range(20):
            store_rows(500, gauge=f"{number} * 1000 + i", event_type=f"TEST_GAUGE_{number}")
        claimer = Claimer()
        for _ in range(2):  # the first one learns how many types have events
            claimer.forget()
            with transaction.atomic():
                events = claimer.claim(100).events

    types = Counter(event.event_type for event in events)
    assert len(events) == 100
    assert set(types.values()) == {5}
    assert 100 <= rows[-1] <= claiming.WINDOW


@pytest.mark.postgres
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_the_smallest_batches_reach_every_type_and_every_aggregate(limit):
    with isolated_registry(type_number(1), type_number(2)):
        store_rows(40, gauge="mod(i, 2)", event_type="TEST_GAUGE_1")
        store_rows(40, gauge="10 + mod(i, 2)", event_type="TEST_GAUGE_2")
        claimer, met = Claimer(), set()
        for _ in range(8):
            with transaction.atomic():
                events = claimer.claim(limit).events
                OutboxEvent.objects.filter(pk__in=[event.pk for event in events]).delete()
            claimer.settled({event.pk for event in events}, all_processed=True)
            met |= {event.aggregate_id for event in events}

    assert met == {"0", "1", "10", "11"}
