"""The broker's courier beside a broker that does as it is told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEntry
from outbox.choices import OutgoingState
from outbox.models import OutboxEvent, Outgoing
from outbox.publisher import publish
from outbox.relay.couriers import BATCH, MOST_REFUSALS
from outbox.relay.messages import Message
from outbox.relay.services import Selection, dismiss_messages, replay, requeue_messages
from outbox.relay.tests.told import ALL, Courier, Told
from outbox.tests.gauges import GaugeCalibrated
from qhse.errors import InvalidInput

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]


@pytest.fixture
def broker(settings: Any) -> Told:
    settings.BROKER_URL = "amqp://broker.example.com"
    return Told()


@pytest.fixture
def courier(broker: Told) -> Iterator[Courier]:
    courier = Courier(broker)
    yield courier
    courier.stop(time.monotonic() + 10)


def published(*gauges: int) -> list[int]:
    with transaction.atomic():
        return [publish(GaugeCalibrated(gauge_id=gauge, reading=n), actor=None).pk for n, gauge in enumerate(gauges)]


def make_due() -> None:
    Outgoing.objects.filter(state=OutgoingState.WAITING).update(next_attempt_at=Now())


def gauge_of(message: Message) -> str:
    return message.attributes["subject"].split("/")[1]


def test_what_the_broker_has_taken_is_gone(courier, broker):
    ids = published(1, 2, 1)
    assert courier.carry() == 3
    assert broker.received == ids and not Outgoing.objects.exists()
    assert courier.carry() == 0


def test_while_the_broker_is_away_nothing_is_counted_against_an_event(courier, broker):
    ids = published(*range(5))
    broker.away = True
    assert courier.carry() == 0
    turn = courier.turn(ALL)
    assert turn.moved == 0 and turn.wait and 0 < turn.wait <= 0.5
    assert courier.carry() == 0 and len(broker.batches) == 1  # it is not asked in the pause
    assert set(Outgoing.objects.values_list("attempts", "state")) == {(0, OutgoingState.FRESH)}
    broker.away, courier._away_until = False, 0.0
    courier.drain()
    assert sorted(broker.received) == ids
    assert broker.batches[1] == 1  # one first: a message that ends the line is found so


def test_pauses_grow_to_half_a_minute(courier, broker):
    published(1)
    broker.away = True
    waits = []
    for _ in range(12):
        courier._away_until = 0.0
        courier.carry()
        waits.append(courier.turn(ALL).wait)
    assert waits[0] <= 0.5 and 15 <= waits[-1] <= 30


def test_what_is_declined_waits_uncounted_and_holds_its_aggregate_only(courier, broker):
    first, other, second = published(1, 2, 1)
    broker.judge = lambda message: ("declined", "full") if gauge_of(message) == "1" else None
    courier.carry()
    assert broker.received == [other]
    row = Outgoing.objects.get(event=first)
    assert (row.state, row.attempts, row.last_error) == (OutgoingState.WAITING, 0, "full")
    for _ in range(MOST_REFUSALS + 2):
        make_due()
        courier.carry()
    assert not Outgoing.objects.filter(state=OutgoingState.ASIDE).exists()
    broker.judge = lambda message: None
    make_due()
    courier.drain()
    assert broker.received == [other, first, second]


def test_a_queue_that_is_full_costs_one_statement_a_batch_and_each_waits_for_half_of_its_own_age(courier, broker):
    ids = published(*range(40))
    for minutes, pk in enumerate(ids[:3]):
        OutboxEvent.objects.filter(pk=pk).update(created_at=Now() - timedelta(seconds=20 * minutes))
    broker.judge = lambda message: ("declined", "full")

    with CaptureQueriesContext(connection) as statements:
        courier.carry()

    assert len(statements) <= 6
    waits = Outgoing.objects.order_by("event").annotate(wait=F("next_attempt_at") - Now())
    assert [round(row.wait.total_seconds()) for row in waits[:4]] == [1, 10, 20, 1]


def test_what_is_refused_is_put_aside_at_last_and_those_behind_it_pass(courier, broker):
    first, second = published(1, 1)
    broker.judge = lambda message: (
        ("refused", "too large") if message.attributes["sequence"].endswith(str(first)) else None
    )
    for _ in range(MOST_REFUSALS):
        assert broker.received == []
        make_due()
        courier.carry()
    courier.carry()
    assert broker.received == [second]
    aside = Outgoing.objects.get()
    assert (aside.event, aside.state, aside.attempts) == (first, OutgoingState.ASIDE, MOST_REFUSALS)


class TestDecisions:
    @pytest.fixture
    def aside(self, courier: Courier) -> Outgoing:
        published(1)
        Outgoing.objects.update(state=OutgoingState.ASIDE, attempts=5, last_error="too large")
        return Outgoing.objects.get()

    def test_a_message_that_was_put_aside_is_sent_again(self, aside, courier, broker, users):
        assert requeue_messages(ids=[aside.pk], actor=users["admin"], reason="The bound was raised.") == 1
        courier.carry()
        assert broker.received == [aside.event]
        entry = AuditEntry.objects.get(action="MESSAGE_REQUEUED")
        assert entry.reason == "The bound was raised." and entry.actor == "admin"

    def test_or_dismissed_for_ever(self, aside, users):
        assert dismiss_messages(ids=[aside.pk], actor=users["admin"], reason="Nobody reads it.") == 1
        assert not Outgoing.objects.exists()
        assert AuditEntry.objects.filter(action="MESSAGE_DISMISSED").count() == 1

    def test_nothing_that_was_not_put_aside_is_decided_on(self, courier):
        published(1)
        row = Outgoing.objects.get()
        assert dismiss_messages(ids=[row.pk], actor=None, reason="No") == 0
        assert Outgoing.objects.exists()

    @pytest.mark.parametrize("decide", [requeue_messages, dismiss_messages])
    def test_a_reason_is_demanded(self, aside, decide):
        with pytest.raises(InvalidInput):
            decide(ids=[aside.pk], actor=None, reason=" ")
        assert Outgoing.objects.get().state == OutgoingState.ASIDE


class TestReplay:
    def test_sends_events_again_in_order_behind_what_waits(self, courier, broker, users):
        ids = published(1, 2, 1)
        courier.carry()
        (fresh,) = published(1)
        assert replay(Selection(aggregate=("gauge", "1")), actor=users["admin"], reason="Consumer restored.") == 3
        courier.drain()
        assert broker.received[3:] == [fresh, ids[0], ids[2], fresh]
        entry = AuditEntry.objects.get(action="EVENTS_REPLAYED")
        assert entry.changes["aggregate"] == [None, "gauge/1"] and entry.reason == "Consumer restored."

    def test_of_everything_or_without_a_reason_is_refused(self, courier):
        published(1)
        for selection, reason in ((Selection(), "All of it"), (Selection(event_type="NC_CREATED"), "")):
            with pytest.raises(InvalidInput):
                replay(selection, actor=None, reason=reason)
        assert Outgoing.objects.count() == 1

    @pytest.mark.parametrize("until", ["2026-03-01", "2026-02-28"])
    @pytest.mark.parametrize("options", [[], ["--dry-run"]])
    def test_of_a_period_that_ends_before_it_begins_is_refused(self, broker, until, options):
        with pytest.raises(CommandError, match="until must be later than since") as refusal:
            call_command("replay_events", "--since", "2026-03-01", "--until", until, "--reason", "Lost", *options)

        assert refusal.value.returncode == 2
        assert not AuditEntry.objects.filter(action="EVENTS_REPLAYED").exists()

    @pytest.mark.parametrize("options", [[], ["--dry-run"]])
    def test_of_a_record_that_has_no_event_at_all_is_refused(self, broker, options):
        published(1)
        with pytest.raises(CommandError, match="--aggregate: no event of nosuch/41 is stored"):
            call_command("replay_events", "--aggregate", "nosuch/41", "--reason", "Lost", *options)

        assert not AuditEntry.objects.filter(action="EVENTS_REPLAYED").exists()

    def test_may_be_done_again(self, courier):
        published(1)
        for _ in range(2):
            replay(Selection(event_type="TEST_GAUGE_CALIBRATED"), actor=None, reason="Again")
        assert Outgoing.objects.count() == 3


def test_a_batch_is_bounded(courier, broker):
    published(*range(BATCH + 10))
    courier.carry()
    assert broker.batches == [BATCH]
