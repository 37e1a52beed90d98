"""One relay carries to both: a broker that hangs keeps no webhook waiting."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from dev.waiting import wait_until
from outbox.models import Outgoing
from outbox.outgoing import BROKER
from outbox.relay import publishing
from outbox.relay import relay as relay_module
from outbox.relay.brokers import publisher_of
from outbox.relay.couriers import BrokerCourier
from outbox.relay.relay import Relay
from outbox.relay.tests.told import Told
from outbox.webhooks.choices import DeliveryStatus
from outbox.webhooks.courier import WebhookCourier
from outbox.webhooks.models import WebhookDelivery

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def broker_configured(settings, monkeypatch):
    settings.BROKER_URL = "amqp://broker.example.com"
    monkeypatch.setattr(relay_module, "STOP_SECONDS", 0.2)
    monkeypatch.setattr(publishing, "CLOSE_SECONDS", 0.2)


@pytest.fixture(params=["a client that does not come back", "a port at which nobody answers"])
def relay(request) -> Iterator[Relay]:
    """A relay with webhooks and a broker that hangs."""
    told = Told()
    told.answers.clear()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"amqp://127.0.0.1:{silent.getsockname()[1]}"
        publisher = told if request.param == "a client that does not come back" else publisher_of(address)
        relay = Relay([BrokerCourier(publisher), WebhookCourier()])
        yield relay
        told.answers.set()
        relay.leave()


def delivered() -> bool:
    return WebhookDelivery.objects.filter(status=DeliveryStatus.DELIVERED).exists()


def test_a_broker_that_hangs_keeps_no_webhook_waiting(relay, make_webhook, make_supplier):
    make_webhook()
    make_supplier()

    wait_until(lambda: relay.turn() and delivered(), what="the webhook to be called")

    assert relay._couriers[0].busy_lanes(), "the broker has not hung"
    assert Outgoing.objects.filter(channel=BROKER).exists()
