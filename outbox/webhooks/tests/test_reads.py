"""What the courier asks costs what it brings, and not the log, in the session that the relay's command opens."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from outbox.outgoing import BROKER, LANES
from outbox.webhooks import fanout, retry
from outbox.webhooks.choices import DeliveryStatus, EndpointStatus
from outbox.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from outbox.webhooks.selectors import callable_endpoints
from outbox.webhooks.tests.receiver import status
from qhse.uuid7 import uuid7

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

MANY = 20_000
FEW = 100
"""Pages of a table or an index. Those of so many rows have hundreds."""


@pytest.fixture
def endpoint(relays_line, make_webhook):
    """An endpoint with a long log, and with an event for it beside a long queue of the broker's."""
    endpoint, _ = make_webhook()
    now = timezone.now()
    ended = [
        WebhookDelivery(
            endpoint=endpoint, event_id=uuid7(), sequence=number, event_type="NC_CREATED", body="{}",
            subject=f"nonconformity/{number}", status=DeliveryStatus.DELIVERED, ended_at=now, attempts=1,
        )
        for number in range(MANY)
    ]  # fmt: skip
    WebhookDelivery.objects.bulk_create(ended, batch_size=2_000)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO outbox_outgoing (channel, lane, key, event, replay, state, attempts, last_error) "
            "SELECT %s, 0, i, i, 0, 0, 0, '' FROM generate_series(1, %s) AS i",
            [BROKER, MANY],
        )
    return endpoint


@pytest.fixture
def event(endpoint, make_nc):
    make_nc()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def test_an_event_is_spread_without_reading_the_backlog_of_the_broker(event, pages_read):
    read = pages_read(fanout.spread)

    assert WebhookDelivery.objects.waiting().exists()
    assert max(read.values()) < FEW, read


def test_a_delivery_is_made_without_reading_the_log(event, courier, pages_read):
    read = pages_read(courier.drain)

    assert not WebhookDelivery.objects.waiting().exists()
    assert max(read.values()) < FEW, read


def test_an_endpoint_that_fails_for_good_and_recovers_has_no_log_read(
    event, endpoint, courier, receiver, pages_read, monkeypatch, make_nc
):
    monkeypatch.setattr(retry, "MOST_ATTEMPTS", 2)
    monkeypatch.setattr(retry, "TRIPS_AT", 2)
    receiver.answers = [status(503)]
    courier.look_again()
    log_attempts_of_others(endpoint)
    let_time_pass()

    read = pages_read(courier.look_again)

    assert WebhookDelivery.objects.filter(status=DeliveryStatus.FAILED).exists()
    assert max(read.values()) < FEW, read

    WebhookEndpoint.objects.update(status=EndpointStatus.ACTIVE, paused_because="", paused_at=None)
    make_nc()
    let_time_pass()
    receiver.answers = [status(200)]

    read = pages_read(courier.look_again)

    assert not WebhookEndpoint.objects.get().failures
    assert max(read.values()) < FEW, read


def log_attempts_of_others(endpoint):
    now = timezone.now()
    others = endpoint.deliveries.filter(status=DeliveryStatus.DELIVERED)
    tries = [WebhookAttempt(delivery=each, at=now, url="x", status_code=200, milliseconds=1) for each in others]
    WebhookAttempt.objects.bulk_create(tries, batch_size=2_000)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE webhooks_webhookattempt")


def let_time_pass():
    WebhookDelivery.objects.waiting().update(next_attempt_at=timezone.now())
    WebhookEndpoint.objects.update(held_until=None)


def test_a_look_reads_what_stands_behind_a_retry_once_and_not_once_for_each(relays_line, make_webhook, pages_read):
    endpoint, _ = make_webhook()
    number = 2_000
    of_one_record = [
        WebhookDelivery(
            endpoint=endpoint, event_id=uuid7(), sequence=each, event_type="NC_CREATED", body="{}", subject="supplier/1"
        )
        for each in range(number)
    ]  # fmt: skip
    WebhookDelivery.objects.bulk_create(of_one_record)
    first = WebhookDelivery.objects.earliest("id")
    WebhookDelivery.objects.filter(pk=first.pk).update(attempts=1, next_attempt_at=timezone.now() + timedelta(hours=3))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE webhooks_webhookdelivery")  # it knows now that there is one subject

    read = pages_read(lambda: callable_endpoints(range(LANES), []))

    assert sum(read.values()) < 5 * number, read
