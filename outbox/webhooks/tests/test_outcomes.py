"""What a call's end changes, when the world has changed during the call."""

from __future__ import annotations

from datetime import timedelta

import pytest

from outbox.webhooks import retry
from outbox.webhooks.calling import Answer
from outbox.webhooks.models import ERROR_LIMIT, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from outbox.webhooks.outcomes import store
from outbox.webhooks.selectors import next_due_seconds
from outbox.webhooks.services import change_webhook
from outbox.webhooks.tests.conftest import ALL_LANES
from outbox.webhooks.tests.receiver import Receiver, status
from qhse.database import database_time

pytestmark = pytest.mark.django_db(transaction=True)

FAR = {"days": 30}


@pytest.fixture
def gone(courier, make_webhook, make_supplier, receiver):
    """An endpoint whose receiver says that it has gone, and one call of it in flight. Store it by `courier.drain`."""
    receiver.answers = [status(410)]
    endpoint, _ = make_webhook()
    make_supplier()
    courier.turn(ALL_LANES)
    assert courier._in_flight
    courier.pause()
    return endpoint


def the_delivery():
    return WebhookDelivery.objects.get()


class TestACallWhoseDeliveryIsGone:
    def test_keeps_no_other_from_being_stored(self, gone, courier, make_webhook, make_supplier, caplog):
        # As by a standby that was promoted without the last commits, or by hand.
        WebhookDelivery.objects.all().delete()
        with Receiver() as well:
            make_webhook(url=well.url)
            make_supplier()
            courier.look_again()

        assert WebhookDelivery.objects.filter(status="DELIVERED").count() == len(well.got) == 1
        assert "a call has no delivery any more" in caplog.text

    def test_leaves_nothing(self, gone):
        WebhookDelivery.objects.all().delete()

        store(gone.pk, 4711, 0, gone.url, Answer(204, ""))
        store(4711, 4711, 0, gone.url, Answer(204, ""))

        assert not WebhookAttempt.objects.exists()


class TestACallOfAFormerAddress:
    def test_counts_against_nobody_when_it_has_failed(self, gone, courier, users):
        with Receiver() as moved:
            change_webhook(webhook_id=gone.pk, actor=users["admin"], changes={"url": moved.url})
            courier.look_again()

        gone.refresh_from_db()
        assert (gone.status, gone.failures) == ("ACTIVE", 0)
        assert (the_delivery().status, len(moved.got)) == ("DELIVERED", 1)
        assert list(WebhookAttempt.objects.order_by("id").values_list("status_code", flat=True)) == [410, 204]

    def test_has_delivered_when_it_was_taken(self, courier, make_webhook, make_supplier, users, receiver):
        endpoint, _ = make_webhook()
        make_supplier()
        courier.turn(ALL_LANES)
        courier.pause()
        change_webhook(webhook_id=endpoint.pk, actor=users["admin"], changes={"url": f"{receiver.url}/2"})
        courier.look_again()

        assert (the_delivery().status, len(receiver.got)) == ("DELIVERED", 1)


def test_another_address_is_called_at_once_whatever_the_former_one_did(
    courier, make_webhook, make_supplier, users, receiver
):
    receiver.answers = [status(500)]
    endpoint, _ = make_webhook()
    make_supplier()
    courier.drain()
    WebhookEndpoint.objects.update(failures=retry.TRIPS_AT, held_until=database_time() + timedelta(minutes=9))
    with Receiver() as moved:
        change_webhook(webhook_id=endpoint.pk, actor=users["admin"], changes={"url": moved.url})
        courier.look_again()

        assert len(moved.got) == 1


class TestAfterAClockThatWasAhead:
    @pytest.mark.parametrize("kind", ["held_until", "next_attempt_at"])
    def test_nothing_waits_for_longer_than_it_would_have_waited(
        self, courier, make_webhook, make_supplier, receiver, kind
    ):
        endpoint, _ = make_webhook()
        make_supplier()
        courier._spread(ALL_LANES)
        rows = WebhookEndpoint.objects if kind == "held_until" else WebhookDelivery.objects
        rows.update(**{kind: database_time() + timedelta(**FAR)})

        courier.look_again()

        assert (the_delivery().status, len(receiver.got)) == ("DELIVERED", 1)
        assert endpoint.pk

    @pytest.mark.parametrize(
        ("kind", "most"), [("held_until", retry.MOST_HEEDED), ("next_attempt_at", retry.WAITS[-1] * retry.LONGEST)]
    )
    def test_the_longest_wait_of_a_right_clock_is_waited_for(
        self, courier, make_webhook, make_supplier, receiver, kind, most
    ):
        make_webhook()
        make_supplier()
        courier._spread(ALL_LANES)
        rows = WebhookEndpoint.objects if kind == "held_until" else WebhookDelivery.objects
        rows.update(**{kind: database_time() + timedelta(seconds=most)})

        courier.look_again()

        assert receiver.got == []
        assert most - 60 < next_due_seconds(ALL_LANES) <= most


@pytest.mark.postgres
@pytest.mark.parametrize("code", [200, 500])
def test_an_answer_that_cannot_be_stored_is_counted_once(
    code, takes_latin1_alone, courier, make_webhook, make_supplier, receiver
):
    takes_latin1_alone("webhooks_webhookattempt", "answer")
    receiver.answers = [status(code, "5 € ".encode() * 1_000)]
    make_webhook()
    make_supplier()
    courier.turn(ALL_LANES)
    courier.pause()
    courier.turn(ALL_LANES)

    attempt, delivery = WebhookAttempt.objects.get(), the_delivery()
    assert (attempt.status_code, attempt.answer[:10]) == (code, "5 \\u20ac 5")
    assert (delivery.attempts, delivery.status) == (1, "DELIVERED" if code == 200 else delivery.status)


@pytest.mark.postgres
def test_a_failure_whose_words_cannot_be_stored_is_counted(takes_latin1_alone, gone):
    takes_latin1_alone("webhooks_webhookendpoint", "last_error")
    error = "no connection: der Weg ist versperrt – 5 € " * 20

    store(gone.pk, the_delivery().pk, 0, gone.url, Answer(None, error[:ERROR_LIMIT]))

    gone.refresh_from_db()
    assert (gone.failures, the_delivery().attempts) == (1, 1)
    assert gone.last_error.startswith("no connection: der Weg ist versperrt \\u2013 5 \\u20ac ")
