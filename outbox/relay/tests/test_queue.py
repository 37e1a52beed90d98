"""What may leave now, and what becomes of it: order within an aggregate, waiting, passing."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models.functions import Now

from outbox import outgoing
from outbox.choices import EventStatus, OutgoingState
from outbox.models import OutboxEvent, Outgoing
from outbox.outgoing import BROKER, LANES, enqueue, key_of
from outbox.pruning import prune_processed
from outbox.publisher import publish, publish_all
from outbox.relay import queue
from outbox.relay.services import Selection, replay
from outbox.tests.gauges import GaugeCalibrated
from qhse.errors import InvalidInput

ALL_LANES = frozenset(range(LANES))


@pytest.fixture(autouse=True)
def broker(settings: Any) -> None:
    settings.BROKER_URL = "amqp://broker.example.com"


def published(*gauges: int) -> list[int]:
    """Publish an event of each of these gauges. Return their ids in the outbox."""
    with transaction.atomic():
        return [publish(GaugeCalibrated(gauge_id=gauge, reading=n), actor=None).pk for n, gauge in enumerate(gauges)]


def due(limit: int = 100, lanes: frozenset[int] = ALL_LANES) -> list[queue.Leaving]:
    return queue.due(BROKER, lanes, limit)


def sequences(rows: list[queue.Leaving]) -> list[int]:
    return [row.sequence for row in rows]


def make_due() -> None:
    Outgoing.objects.filter(state=OutgoingState.WAITING).update(next_attempt_at=Now())


@pytest.mark.django_db
class TestEnqueueing:
    def test_an_event_has_to_leave_if_and_only_if_it_exists(self):
        with pytest.raises(RuntimeError), transaction.atomic():
            publish(GaugeCalibrated(gauge_id=1), actor=None)
            raise RuntimeError
        assert not Outgoing.objects.exists()
        (event,) = published(1)
        assert Outgoing.objects.get().event == event

    def test_several_at_once_leave_as_one_by_one(self):
        with transaction.atomic():
            stored = publish_all([(GaugeCalibrated(gauge_id=n, reading=0), None) for n in (4, 4, 9)], actor=None)
        assert list(Outgoing.objects.order_by("id").values_list("event", flat=True)) == [each.pk for each in stored]

    def test_without_a_broker_nothing_is_stored(self, settings):
        settings.BROKER_URL = ""
        published(1)
        assert not Outgoing.objects.exists()

    def test_an_aggregate_stays_in_its_lane(self):
        published(*range(40), *range(40))
        lanes = dict(Outgoing.objects.values_list("key", "lane"))
        assert len(lanes) == 40 and set(lanes.values()) == set(ALL_LANES)
        assert all(lane == key % LANES for key, lane in lanes.items())

    def test_the_number_of_an_aggregate_never_changes(self):
        # It is stored: another version of the code must come to the same.
        assert key_of("nonconformity", "41") == 10820434826408916


@pytest.mark.postgres
@pytest.mark.django_db
class TestWhatMayLeave:
    def test_comes_in_the_order_of_publishing_with_its_event(self):
        ids = published(1, 2, 1, 3)
        rows = due()
        assert sequences(rows) == ids
        event = OutboxEvent.objects.get(pk=ids[0])
        assert (rows[0].event_id, rows[0].event_type, rows[0].payload) == (
            event.event_id, "TEST_GAUGE_CALIBRATED", '{"reading": 0, "gauge_id": 1}',
        )  # fmt: skip
        assert rows[0].headers == event.headers and rows[0].waited >= 0

    def test_is_of_the_lanes_that_are_asked_for(self):
        published(*range(40))
        rows = due(lanes=frozenset({2, 5}))
        assert {row.lane for row in rows} == {2, 5}
        assert len(rows) + len(due(lanes=ALL_LANES - {2, 5})) == 40

    def test_is_gone_when_it_has_left(self):
        published(1, 2)
        queue.has_left(due())
        assert not Outgoing.objects.exists() and due() == []

    def test_does_not_overtake_an_earlier_event_of_its_aggregate_that_waits(self):
        first, other, second = published(1, 2, 1)
        queue.retry_later(due()[:1], "full", [60], counted=False)
        assert sequences(due()) == [other]
        (third,) = published(1)
        assert sequences(due()) == [other]
        make_due()
        # What was marked behind the first comes after it has left, in order.
        assert sequences(due()) == [first, other]
        queue.has_left(due())
        assert sequences(due()) == [second, third]

    def test_waits_for_a_minute_at_most_whatever_the_clock_was_when_it_was_put_off(self):
        first, second = published(1, 1)
        queue.retry_later(due(), "full", [3_600, 3_600], counted=False)
        assert 50 < (queue.next_due_seconds(BROKER, ALL_LANES) or 0) <= queue.MOST_WAIT
        assert due() == []

        Outgoing.objects.update(next_attempt_at=Now() + timedelta(days=1))

        assert sequences(due()) == [first, second]

    def test_is_looked_for_past_any_number_that_wait_for_one(self):
        lane = key_of("gauge", "1") % LANES
        neighbour = next(n for n in range(2, 100) if key_of("gauge", str(n)) % LANES == lane)
        published(*[1] * 30, neighbour)
        (head, *_) = due(limit=1)
        queue.retry_later([head], "full", [60], counted=False)
        rows = due(limit=5)
        assert [row.aggregate_id for row in rows] == [str(neighbour)]
        # Those behind are marked: the next look does not read them.
        assert Outgoing.objects.filter(state=OutgoingState.BEHIND).count() == 29

    def test_comes_before_its_successors_when_its_wait_is_over(self):
        first, second = published(1, 1)
        queue.retry_later(due()[:1], "full", [60], counted=False)
        make_due()
        assert sequences(due()) == [first, second]

    def test_passes_one_that_was_put_aside(self):
        first, second, third = published(1, 1, 1)
        head = due()[0]
        queue.retry_later([head], "bad", [60], counted=True)
        due()
        queue.put_aside(head, "bad\x00 for ever")
        aside = Outgoing.objects.get(event=first)
        assert (aside.state, aside.last_error) == (OutgoingState.ASIDE, "bad\\x00 for e")
        assert sequences(due()) == [second, third]

    def test_waits_no_longer_for_one_whose_relay_died_before_it_freed_what_was_behind(self):
        _, second = published(1, 1)
        head = due()[0]
        queue.retry_later([head], "full", [60], counted=False)
        assert due() == []
        Outgoing.objects.filter(pk=head.row).delete()  # and killed here
        queue.free(BROKER, lanes=ALL_LANES)
        assert sequences(due()) == [second]

    def test_counts_only_refusals_that_were_its_own_fault(self):
        published(1)
        queue.retry_later(due(), "full", [0], counted=False)
        make_due()
        assert due()[0].attempts == 0
        queue.retry_later(due(), "too large", [0], counted=True)
        make_due()
        assert due()[0].attempts == 1

    def test_that_waits_says_for_how_long(self):
        published(1)
        assert queue.next_due_seconds(BROKER, ALL_LANES) is None
        queue.retry_later(due(), "full", [60], counted=False)
        seconds = queue.next_due_seconds(BROKER, ALL_LANES)
        assert seconds is not None and 0 < seconds <= 60


@pytest.mark.django_db
class TestPruning:
    @pytest.mark.postgres
    def test_waits_for_what_has_not_left(self):
        kept, gone = published(1, 2)
        OutboxEvent.objects.update(status=EventStatus.PROCESSED, processed_at=Now())
        Outgoing.objects.filter(event=gone).delete()
        call_command("prune_outbox", "--older-than", "0", verbosity=0)
        assert list(OutboxEvent.objects.values_list("pk", flat=True)) == [kept]


@pytest.mark.django_db
def test_an_event_is_on_its_way_once_by_one_channel():
    (event,) = published(1)
    stored = OutboxEvent.objects.get(pk=event)
    enqueue("webhook:1", [stored])
    enqueue(BROKER, [stored], replay=3)
    assert Outgoing.objects.count() == 3


@pytest.mark.postgres
@pytest.mark.django_db
def test_a_row_whose_event_is_gone_is_dropped_and_stops_nobody():
    lost, *left = published(1, 1, 2)
    OutboxEvent.objects.filter(pk=lost).delete()

    assert sequences(due(limit=1)) == left[:1]
    assert Outgoing.objects.count() == 2


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_what_is_sent_again_is_not_pruned_before_that_is_stored():
    events = published(*range(5))
    Outgoing.objects.all().delete()
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    OutboxEvent.objects.update(status=EventStatus.PROCESSED, processed_at=long_ago)
    removed = []

    def prune() -> None:
        removed.append(sum(step.removed for step in prune_processed(older_than_days=30)))
        connection.close()

    def prune_beside(number: int) -> None:
        beside = threading.Thread(target=prune)
        beside.start()
        beside.join()

    assert replay(Selection(since=long_ago), actor=None, reason="Lost", progress=prune_beside) == 5

    assert removed == [0]
    assert sequences(due()) == events


@pytest.mark.django_db
def test_what_was_pruned_meanwhile_is_not_sent_again(monkeypatch):
    first, second = published(1, 2)
    Outgoing.objects.all().delete()
    held = outgoing._held
    monkeypatch.setattr(outgoing, "_held", lambda ids: held(ids) - {first})

    assert sum(outgoing.enqueue_all(BROKER, OutboxEvent.objects.all(), replay=1)) == 1
    assert list(Outgoing.objects.values_list("event", flat=True)) == [second]


@pytest.mark.django_db
def test_without_a_broker_nothing_is_sent_again(settings):
    published(1)
    settings.BROKER_URL = ""

    with pytest.raises(InvalidInput, match="BROKER_URL"):
        replay(Selection(aggregate=("gauge", "1")), actor=None, reason="Lost")


@pytest.mark.postgres
@pytest.mark.django_db
class TestAReasonThatCannotBeStored:
    REASON = "Nachricht zu groß: 5 €\x00" + "…" * queue.ERROR_LIMIT

    @pytest.fixture(autouse=True)
    def _latin1(self, takes_latin1_alone):
        takes_latin1_alone("outbox_outgoing", "last_error")

    def test_lets_the_message_wait_and_is_counted(self):
        published(1)

        queue.retry_later(due(), self.REASON, [30.0], counted=True)

        stored = Outgoing.objects.get()
        assert (stored.state, stored.attempts) == (OutgoingState.WAITING, 1)
        assert stored.last_error.startswith("Nachricht zu gro\\xdf: 5 \\u20ac\\x00")
        assert len(stored.last_error) <= queue.ERROR_LIMIT

    def test_lets_it_be_put_aside(self):
        published(1)

        queue.put_aside(due()[0], self.REASON)

        assert Outgoing.objects.get().state == OutgoingState.ASIDE
