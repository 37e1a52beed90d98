"""The thread of the publisher: what a broker does to it, the relay's loop need not wait for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from dev.waiting import wait_until
from outbox.leaving import LOCKS, PRESENCE
from outbox.models import Outgoing
from outbox.outgoing import LANES, key_of
from outbox.publisher import publish
from outbox.relay import lanes as lanes_module
from outbox.relay import publishing
from outbox.relay import relay as relay_module
from outbox.relay.metrics import BLOCKED
from outbox.relay.port import BrokerAway
from outbox.relay.publishing import PublisherIsStuck
from outbox.relay.relay import Relay
from outbox.relay.tests.told import ALL, Courier, Told
from outbox.tests.gauges import GaugeCalibrated

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def broker(settings) -> Iterator[Told]:
    settings.BROKER_URL = "amqp://broker.example.com"
    broker = Told()
    yield broker
    broker.answers.set()


@pytest.fixture
def courier(broker) -> Iterator[Courier]:
    courier = Courier(broker)
    yield courier
    broker.answers.set()
    courier.stop(time.monotonic() + 10)


@pytest.fixture
def relay(courier, monkeypatch) -> Iterator[Relay]:
    """A relay that looks at the lanes in each turn."""
    monkeypatch.setattr(lanes_module, "LOOK_SECONDS", 0.0)
    yield Relay([courier])
    connection.close()


@pytest.fixture
def other_relay() -> Iterator[Callable[[], object]]:
    """Called, it lets another relay say that it is there."""
    connection.ensure_connection()
    with psycopg.connect(
        **connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}, autocommit=True
    ) as line:
        yield lambda: line.execute("SELECT pg_advisory_lock_shared(%s, %s)", [LOCKS, PRESENCE])


def published(*gauges: int) -> list[int]:
    with transaction.atomic():
        return [publish(GaugeCalibrated(gauge_id=gauge, reading=n), actor=None).pk for n, gauge in enumerate(gauges)]


def take_all_lanes(relay: Relay) -> None:
    """Turn it until the server has noticed that its former session is gone."""
    wait_until(lambda: relay.turn() and relay._lanes.held == ALL, what="the lanes")


def lanes_of(*gauges: int) -> set[int]:
    return {key_of("gauge", str(gauge)) % LANES for gauge in gauges}


class TestWhileABrokerHangs:
    @pytest.fixture(autouse=True)
    def hanging(self, broker):
        broker.answers.clear()

    def test_a_turn_waits_for_nothing_and_hands_out_nothing_more(self, courier, broker):
        published(1, 2)
        for _ in range(3):
            assert courier.turn(ALL).moved == 0
            published(3)
        assert not broker.answers.is_set()
        assert broker.received == [] and Outgoing.objects.count() == 5

        broker.answers.set()
        courier.drain()

        assert broker.batches == [2, 3]

    def test_its_lanes_are_not_given_away(self, courier, relay, broker, other_relay):
        published(*range(100))
        relay.turn()
        assert courier.busy_lanes() == ALL
        other_relay()
        relay.turn()
        assert relay._lanes.held == ALL

        broker.answers.set()
        courier.listen()
        relay.turn()
        relay.turn()

        assert len(relay._lanes.held) == LANES // 2

    def test_those_that_it_has_nothing_of_are_free(self, courier):
        published(1, 1)
        courier.turn(ALL)
        assert courier.busy_lanes() == lanes_of(1)

    def test_the_relay_leaves_in_time(self, courier, relay, broker, monkeypatch):
        monkeypatch.setattr(relay_module, "STOP_SECONDS", 0.1)
        monkeypatch.setattr(publishing, "CLOSE_SECONDS", 0.1)
        published(1)
        relay.turn()
        began = time.monotonic()

        relay.leave()

        assert time.monotonic() - began < 10 and not broker.answers.is_set()
        assert Outgoing.objects.count() == 1

    def test_for_ever_the_relay_ends(self, courier, relay, monkeypatch):
        monkeypatch.setattr(publishing, "STUCK_SECONDS", 0.0)
        published(1)

        with pytest.raises(PublisherIsStuck):
            relay.run_forever()

    def test_a_drain_waits_for_what_is_in_flight(self, courier, relay, broker, monkeypatch):
        published(1, 2, 1)
        turns = 0
        turn = courier.turn

        def counted(lanes):
            nonlocal turns
            turns += 1
            if turns == 3:  # it has looked again, and found nothing that it could hand out
                broker.answers.set()
            return turn(lanes)

        monkeypatch.setattr(courier, "turn", counted)

        assert relay.drain() == 3
        assert not Outgoing.objects.exists()


class TestWhatBecameOfABatch:
    def test_is_stored_before_the_relay_leaves(self, relay, broker):
        published(1)
        relay.turn()

        relay.leave()

        assert broker.received and not Outgoing.objects.exists()

    def test_is_forgotten_with_the_session_that_held_its_lanes_and_the_rows_are_sent_again(
        self, courier, relay, broker, caplog
    ):
        broker.answers.clear()
        broker.judge = lambda message: ("refused", "too large") if len(broker.batches) == 1 else None
        ids = published(1, 2)
        relay.turn()
        connection.close()
        take_all_lanes(relay)
        broker.answers.set()
        courier.listen()

        relay.turn()

        assert "2 messages are sent again" in caplog.text
        assert set(Outgoing.objects.values_list("attempts", flat=True)) <= {0}
        courier.drain()
        assert broker.batches == [2, 2] and broker.received == ids

    def test_is_sent_again_if_the_database_is_away_when_it_comes(self, courier, relay, broker):
        broker.answers.clear()
        ids = published(1, 2)
        relay.turn()
        with connection.cursor() as cursor, pytest.raises(OperationalError):
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        broker.answers.set()
        courier.listen()
        with pytest.raises(OperationalError):
            relay.turn()
        connection.close()
        take_all_lanes(relay)

        relay.drain()

        assert sorted(broker.received) == sorted(ids * 2) and not Outgoing.objects.exists()


class TestABatchThatIsBrokenOff:
    def test_is_stored_as_far_as_it_was_taken_and_the_rest_is_sent_again_alone(self, courier, relay, broker):
        ids = published(1, 1, 2, 2, 3)
        broker.breaks_off_at = str(ids[3])
        courier.carry()

        assert broker.received == ids[:3] and Outgoing.objects.count() == 2
        assert BLOCKED._value.get() == 1 and courier._failures == 1
        broker.breaks_off_at = ""
        courier._away_until = 0.0
        courier.drain()

        assert broker.received == ids and not Outgoing.objects.exists()

    def test_counts_its_refusals_once(self, courier, broker):
        ids = published(1, 2)
        broker.judge = lambda message: ("refused", "too large")
        broker.breaks_off_at = str(ids[1])

        courier.carry()

        assert list(Outgoing.objects.order_by("id").values_list("attempts", flat=True)) == [1, 0]

    def test_counts_failures_anew_when_something_was_taken(self, courier, broker):
        ids = published(1, 2)
        courier._failures = 7
        broker.breaks_off_at = str(ids[1])

        courier.carry()

        assert courier._failures == 1

    def test_is_not_stored_by_another_session(self, courier, relay, broker):
        ids = published(1, 2)
        broker.breaks_off_at, broker.hangs_then = str(ids[1]), True
        relay.turn()
        assert broker.answered.wait(10)
        connection.close()
        take_all_lanes(relay)
        broker.goes_on.set()
        courier.listen()

        relay.turn()

        assert Outgoing.objects.count() == 2

    def test_by_the_end_of_the_relay_is_stored_as_far_as_it_was_taken(self, courier, relay, broker, monkeypatch):
        monkeypatch.setattr(relay_module, "STOP_SECONDS", 0.1)
        monkeypatch.setattr(publishing, "CLOSE_SECONDS", 0.1)
        ids = published(1, 2, 3)
        broker.breaks_off_at, broker.hangs_then = str(ids[2]), True
        relay.turn()
        assert broker.answered.wait(10)

        relay.leave()

        assert not broker.goes_on.is_set() and Outgoing.objects.count() == 1
        broker.goes_on.set()

    def test_is_not_stuck_while_the_broker_answers(self, courier, broker, monkeypatch):
        ids = published(1, 2)
        broker.breaks_off_at, broker.hangs_then = str(ids[1]), True
        courier.turn(ALL)
        assert broker.answered.wait(10)
        monkeypatch.setattr(publishing, "STUCK_SECONDS", -1.0)
        heard_at = courier._thread._heard_at
        with pytest.raises(PublisherIsStuck):
            courier.turn(ALL)

        assert courier._thread._heard_at > heard_at  # the one that it had taken was news
        broker.goes_on.set()


class TestTheLine:
    def test_is_touched_by_no_other_thread(self, relay, broker):
        published(1)
        relay.drain()
        relay.leave()
        assert broker.threads == {"publisher"}

    def test_that_is_lost_while_it_is_idle_is_asked_for_again_without_a_message(self, courier, broker):
        broker.faults["wait"] = BrokerAway("it says nothing")
        published(1)
        assert courier.carry() == 1
        wait_until(lambda: courier.turn(ALL).wait, what="a pause")
        assert BLOCKED._value.get() == 1
        del broker.faults["wait"]
        courier._away_until = 0.0

        courier.carry()

        assert broker.batches == [1, 0] and BLOCKED._value.get() == 0

    @pytest.mark.parametrize("function", ["publish", "wait"])
    def test_ends_the_relay_by_what_nobody_foresaw(self, relay, broker, function, monkeypatch):
        monkeypatch.setattr(publishing, "STUCK_SECONDS", 5.0)  # if nothing is said of it
        broker.faults[function] = ZeroDivisionError("a client with a fault")
        published(1)

        with pytest.raises(ZeroDivisionError, match="a client with a fault"):
            relay.run_forever()
