"""Which broker BROKER_URL means. The client of each is imported only for its own scheme: others need not load it."""

from __future__ import annotations

from django.conf import settings

from outbox.relay.couriers import BrokerCourier, Courier
from outbox.relay.port import BrokerPublisher
from qhse.broker_url import RABBITMQ, parse_broker_url


def publisher_of(url: str) -> BrokerPublisher:
    """Return a line to this broker, not opened yet."""
    if parse_broker_url(url).broker == RABBITMQ:
        from outbox.relay.rabbitmq import RabbitPublisher

        return RabbitPublisher(url)
    from outbox.relay.nats import NatsPublisher

    return NatsPublisher(url)


def broker_courier() -> Courier | None:
    """Return the courier to the configured broker. None without one."""
    return BrokerCourier(publisher_of(settings.BROKER_URL)) if settings.BROKER_URL else None
