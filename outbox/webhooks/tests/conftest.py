"""A receiver on loopback, endpoints, and a courier that is turned by hand."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from outbox.outgoing import LANES
from outbox.webhooks.courier import WebhookCourier
from outbox.webhooks.models import WebhookEndpoint
from outbox.webhooks.services import create_webhook
from outbox.webhooks.tests.receiver import Receiver

ALL_LANES = frozenset(range(LANES))


@pytest.fixture(autouse=True)
def loopback_allowed(settings: Any) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def make_webhook(users: dict[str, Any], receiver: Receiver) -> Callable[..., tuple[WebhookEndpoint, str]]:
    """Create an endpoint, of the receiver by default, through its service. Return it and its secret."""

    def make(**overrides: Any) -> tuple[WebhookEndpoint, str]:
        values = {"url": receiver.url, "event_types": ["*"], "actor": users["admin"]} | overrides
        return create_webhook(**values)

    return make


class Courier(WebhookCourier):
    """A courier that a test turns until there is nothing to do now."""

    def drain(self) -> None:
        while True:
            turn = self.turn(ALL_LANES)
            if not turn.moved and not self._in_flight:
                return
            if not turn.moved:
                self.pause()

    def pause(self) -> None:
        """Wait until a thread has something to say."""
        select.select(self.descriptors(), [], [], 5)

    def look_again(self) -> None:
        """Look at once, as after the pause between looks."""
        self.take_over(ALL_LANES)
        self.drain()


@pytest.fixture
def courier(db: None) -> Iterator[Courier]:
    courier = Courier()
    yield courier
    courier.stop(time.monotonic() + 10)
