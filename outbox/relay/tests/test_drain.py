"""`run_outbox_relay --drain`: what it says, and whether a script may go on."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from outbox.management.commands import run_outbox_relay
from outbox.models import Outgoing
from outbox.publisher import publish
from outbox.relay.couriers import MOST_REFUSALS, BrokerCourier
from outbox.relay.tests.test_couriers import Told, make_due
from outbox.tests.gauges import GaugeCalibrated

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def broker(settings: Any) -> Told:
    settings.BROKER_URL = "amqp://broker.example.com"
    return Told()


@pytest.fixture
def drain(broker: Told, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    monkeypatch.setattr(run_outbox_relay, "all_couriers", lambda: [BrokerCourier(broker)])
    monkeypatch.setattr(run_outbox_relay, "bound_session", lambda: None)
    monkeypatch.setattr(run_outbox_relay.Relay, "install_signal_handlers", lambda self: None)

    def run() -> str:
        said = StringIO()
        call_command("run_outbox_relay", "--drain", stdout=said)
        return said.getvalue().strip()

    return run


def write(number: int) -> None:
    with transaction.atomic():
        for gauge in range(number):
            publish(GaugeCalibrated(gauge_id=gauge, reading=1), actor=None)


def test_says_how_many_have_left(drain):
    write(3)

    assert drain() == "3 messages moved"
    assert drain() == "0 messages moved"


def test_with_the_broker_away_is_an_error_that_says_how_many_wait(drain, broker):
    broker.away = True
    write(5)

    with pytest.raises(CommandError, match=r"^0 messages moved; 5 have not left.*broker is away"):
        drain()

    assert Outgoing.objects.count() == 5


def test_with_the_broker_away_before_a_retry_that_is_due_is_an_error_too(drain, broker):
    broker.judge = lambda message: ("declined", "the queue is full")
    write(2)
    drain()
    broker.away = True
    make_due()

    with pytest.raises(CommandError, match="2 have not left"):
        drain()


def test_what_waits_for_its_next_attempt_is_no_error_and_is_counted(drain, broker):
    broker.judge = lambda message: ("declined", "the queue is full")
    write(2)

    assert drain() == "2 messages moved; 2 wait for their next attempt"


def test_what_was_put_aside_is_no_error_and_is_counted(drain, broker):
    broker.judge = lambda message: ("refused", "too large")
    write(1)
    for _ in range(MOST_REFUSALS):
        said = drain()
        make_due()

    assert said.endswith("; 0 wait for their next attempt, 1 put aside")


def test_what_is_published_meanwhile_leaves_as_well(drain, monkeypatch):
    looked = run_outbox_relay._due
    more = [4]

    def look():
        if more:
            write(more.pop())
        return looked()

    monkeypatch.setattr(run_outbox_relay, "_due", look)
    write(1)

    assert drain() == "5 messages moved"
