from __future__ import annotations

import json
import logging
import threading
import time
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.core import serializers
from django.utils import timezone

from audit.models import AuditEntry
from dev.waiting import wait_until
from outbox.webhooks import courier as courier_module
from outbox.webhooks import retry
from outbox.webhooks.choices import DeliveryStatus, PauseCause
from outbox.webhooks.fanout import spread
from outbox.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from outbox.webhooks.selectors import next_due_seconds
from outbox.webhooks.services import change_webhook, retry_delivery, rotate_secret
from outbox.webhooks.tests.conftest import ALL_LANES
from outbox.webhooks.tests.receiver import Receiver, answering, is_signed, status
from qhse.database import database_time

pytestmark = pytest.mark.django_db(transaction=True)


def let_time_pass(hours=0.0, **more):
    """Let waits and holds end as if so much time had passed."""
    by = timedelta(hours=hours, **more)
    for delivery in WebhookDelivery.objects.filter(status=DeliveryStatus.WAITING, attempts__gt=0):
        WebhookDelivery.objects.filter(pk=delivery.pk).update(next_attempt_at=delivery.next_attempt_at - by)
    for endpoint in WebhookEndpoint.objects.exclude(held_until=None):
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(held_until=endpoint.held_until - by)


def seconds_to(moment):
    return (moment - database_time()).total_seconds()


class TestSending:
    def test_brings_each_event_once_signed_as_the_scheme_has_it(self, courier, make_webhook, make_nc, receiver):
        _, secret = make_webhook()
        make_nc()

        courier.drain()
        courier.look_again()

        assert len(receiver.got) == WebhookDelivery.objects.count() >= 2
        assert {got.id for got in receiver.got} == {str(each.event_id) for each in WebhookDelivery.objects.all()}
        for got in receiver.got:
            assert is_signed(secret, got.body, dict(got.headers.items()))
            assert set(json.loads(got.body)) == {"type", "timestamp", "data"}
        assert set(WebhookDelivery.objects.values_list("status", "attempts")) == {("DELIVERED", 1)}

    def test_brings_events_of_one_endpoint_in_their_order(
        self, courier, make_webhook, make_supplier, make_nc, receiver
    ):
        make_webhook()
        for _ in range(15):
            make_nc(supplier_id=make_supplier().pk)

        courier.drain()

        sequences = [int(got.headers["qhse-sequence"]) for got in receiver.got]
        assert len(sequences) == 30
        assert sequences == sorted(sequences)

    def test_signs_by_both_secrets_for_a_day_after_a_rotation(
        self, courier, make_webhook, make_supplier, users, receiver
    ):
        endpoint, former = make_webhook()
        _, present = rotate_secret(webhook_id=endpoint.pk, actor=users["admin"])
        make_supplier()
        courier.drain()
        WebhookEndpoint.objects.update(previous_until=database_time() - timedelta(seconds=1))
        make_supplier()
        courier.look_again()

        first, second = receiver.got
        for secret in (former, present):
            assert is_signed(secret, first.body, dict(first.headers.items()))
        assert len(first.headers["webhook-signature"].split()) == 2
        assert is_signed(present, second.body, dict(second.headers.items()))
        assert len(second.headers["webhook-signature"].split()) == 1

    def test_sends_nothing_to_a_paused_endpoint_and_what_waited_when_it_is_resumed(
        self, courier, make_webhook, make_supplier, users, receiver
    ):
        endpoint, _ = make_webhook()
        make_supplier(name="Before")
        courier._spread(ALL_LANES)
        change_webhook(webhook_id=endpoint.pk, actor=users["admin"], changes={"is_active": False})
        make_supplier(name="Meanwhile")
        courier.look_again()
        assert receiver.got == []

        change_webhook(webhook_id=endpoint.pk, actor=users["admin"], changes={"is_active": True})
        courier.look_again()

        assert [b"Before" in got.body for got in receiver.got] == [True]

    def test_calls_only_endpoints_of_its_lanes(self, courier, make_webhook, make_supplier, receiver):
        first, _ = make_webhook()
        second, _ = make_webhook()
        make_supplier()
        courier._spread(ALL_LANES)

        while courier.turn(frozenset({second.pk % len(ALL_LANES)})).moved or courier.busy_lanes():
            courier.pause()

        assert first.deliveries.get().status == DeliveryStatus.WAITING
        assert second.deliveries.get().status == DeliveryStatus.DELIVERED

    def test_tells_which_lanes_are_busy_until_the_result_is_stored(
        self, courier, make_webhook, make_supplier, receiver
    ):
        gate = threading.Event()
        receiver.answers = [lambda line, got: (gate.wait(10), status(204)(line, got))]
        endpoint, _ = make_webhook()
        make_supplier()

        courier.turn(ALL_LANES)
        assert courier.busy_lanes() == {endpoint.pk % len(ALL_LANES)}
        assert not courier.turn(ALL_LANES).moved
        gate.set()
        courier.drain()

        assert courier.busy_lanes() == set()
        assert len(receiver.got) == 1

    def test_an_endpoint_that_hangs_keeps_no_other_waiting(self, courier, make_webhook, make_supplier, receiver):
        gate = threading.Event()
        with Receiver(lambda line, got: (gate.wait(10), status(204)(line, got))) as hanging:
            for _ in range(4):
                make_webhook(url=hanging.url)
            well, _ = make_webhook()
            make_supplier()
            while not well.deliveries.filter(status=DeliveryStatus.DELIVERED).exists():
                courier.turn(ALL_LANES)
                courier.pause()

            assert len(courier.busy_lanes()) >= 4
            gate.set()
            courier.drain()

    def test_the_doubtful_share_a_part_of_the_threads(
        self, courier, make_webhook, make_supplier, receiver, monkeypatch
    ):
        monkeypatch.setattr(courier_module, "DOUBTFUL_AT_ONCE", 2)
        gate = threading.Event()
        receiver.answers = [lambda line, got: (gate.wait(10), status(204)(line, got))]
        for _ in range(5):
            make_webhook()
        WebhookEndpoint.objects.update(failures=1)
        make_supplier()

        courier.turn(ALL_LANES)
        assert len(courier._in_flight) == 2
        gate.set()
        courier.drain()

        assert len(receiver.got) == 5

    def test_stops_when_it_is_told_and_stores_what_was_in_flight(self, make_webhook, make_supplier, receiver, db):
        courier = courier_module.WebhookCourier()
        make_webhook()
        make_supplier()
        courier.turn(ALL_LANES)

        courier.stop(time.monotonic() + 10)

        assert WebhookDelivery.objects.get().status == DeliveryStatus.DELIVERED
        assert courier.busy_lanes() == set()


class TestAFailedCall:
    def test_is_tried_again_later_with_the_same_bytes(self, courier, make_webhook, make_supplier, receiver):
        receiver.answers = [status(500), status(204)]
        make_webhook()
        make_supplier()

        courier.drain()
        delivery = WebhookDelivery.objects.get()
        assert (delivery.status, delivery.attempts, delivery.last_error) == ("WAITING", 1, "answered 500")
        assert 3 < seconds_to(delivery.next_attempt_at) < 6
        courier.look_again()
        assert len(receiver.got) == 1
        let_time_pass(1)
        courier.look_again()

        first, second = receiver.got
        assert (first.id, first.body) == (second.id, second.body)
        assert (first.headers["qhse-attempt"], second.headers["qhse-attempt"]) == ("1", "2")
        assert WebhookDelivery.objects.get().status == DeliveryStatus.DELIVERED

    def test_is_in_the_log_with_what_was_answered(self, courier, make_webhook, make_supplier, receiver):
        receiver.answers = [status(500, b"Out of order"), status(204)]
        make_webhook(url=f"{receiver.url}?key=hunter2")
        make_supplier()
        courier.drain()
        let_time_pass(1)
        courier.look_again()

        failed, taken = WebhookAttempt.objects.all()
        assert (failed.status_code, failed.error, failed.answer) == (500, "answered 500", "Out of order")
        assert (taken.status_code, taken.error) == (204, "")
        assert failed.url == f"{receiver.url}?…"

    def test_holds_back_later_events_of_its_record_and_no_others(
        self, courier, make_webhook, make_supplier, make_nc, receiver, api
    ):
        supplier = make_supplier()
        make_webhook(event_types=["NC_CREATED", "NC_CLOSED", "SUPPLIER_CREATED"])
        nc = make_nc(supplier_id=supplier.pk)
        receiver.answers = [status(500), status(204)]
        courier.drain()
        api("quality").patch(f"/ncs/{nc.pk}/close", {"reason": "Sorted"})
        make_supplier(name="Another")
        courier.look_again()

        assert [got.body.split(b'"')[3] for got in receiver.got] == [b"NC_CREATED", b"SUPPLIER_CREATED"]
        let_time_pass(1)
        courier.look_again()
        assert [got.body.split(b'"')[3] for got in receiver.got][2:] == [b"NC_CREATED", b"NC_CLOSED"]

    def test_ends_the_run_that_stops_at_the_first(self, courier, make_webhook, make_supplier, receiver):
        receiver.answers = [status(500), status(204)]
        make_webhook()
        for _ in range(3):
            make_supplier()
        courier._spread(ALL_LANES)

        courier._start(ALL_LANES)
        while courier.busy_lanes():
            courier.pause()
            courier._store()

        assert len(receiver.got) == 1

    def test_waits_as_long_as_an_overloaded_receiver_asks(self, courier, make_webhook, make_supplier, receiver):
        receiver.answers = [status(429, headers="Retry-After: 600\r\n")]
        endpoint, _ = make_webhook()
        make_supplier()

        courier.drain()

        endpoint.refresh_from_db()
        assert 590 < seconds_to(WebhookDelivery.objects.get().next_attempt_at) < 601
        assert 590 < seconds_to(endpoint.held_until) < 601

    def test_ends_after_the_last_attempt_and_a_person_has_it_sent_again(
        self, courier, make_webhook, make_supplier, receiver, users
    ):
        receiver.answers = [status(500)]
        endpoint, _ = make_webhook()
        make_supplier()
        courier.drain()
        WebhookDelivery.objects.update(attempts=retry.MOST_ATTEMPTS - 1)
        # It took something between: this event is the poison, and the endpoint is well.
        WebhookEndpoint.objects.update(failing_since=database_time() + timedelta(minutes=1))
        let_time_pass(24)
        courier.look_again()

        delivery = WebhookDelivery.objects.get()
        assert (delivery.status, delivery.attempts) == (DeliveryStatus.FAILED, retry.MOST_ATTEMPTS)
        assert WebhookEndpoint.objects.get().is_active
        receiver.answers = [status(204)]
        retry_delivery(webhook_id=endpoint.pk, delivery_id=delivery.pk, actor=users["admin"])
        courier.look_again()
        assert WebhookDelivery.objects.get().status == DeliveryStatus.DELIVERED

    def test_that_comes_back_when_a_person_was_quicker_changes_nothing(
        self, courier, make_webhook, make_supplier, receiver, users
    ):
        gate = threading.Event()
        receiver.answers = [lambda line, got: (gate.wait(10), status(500)(line, got)), status(204)]
        endpoint, _ = make_webhook()
        make_supplier()
        courier._spread(ALL_LANES)
        WebhookDelivery.objects.update(attempts=4)
        courier.turn(ALL_LANES)
        retry_delivery(webhook_id=endpoint.pk, delivery_id=WebhookDelivery.objects.get().pk, actor=users["admin"])
        gate.set()
        courier.drain()
        courier.look_again()

        assert (WebhookDelivery.objects.get().status, WebhookDelivery.objects.get().attempts) == ("DELIVERED", 1)
        assert WebhookAttempt.objects.count() == 2


class TestAnEndpointThatFails:
    @pytest.fixture
    def failing(self, courier, make_webhook, make_supplier, receiver):
        """An endpoint that has failed so often that it is held."""
        receiver.answers = [status(500)]
        endpoint, _ = make_webhook()
        for _ in range(retry.TRIPS_AT + 3):
            make_supplier()
        for _ in range(retry.TRIPS_AT + 3):
            courier.look_again()
        return endpoint

    def test_is_called_no_more_for_a_while_whatever_waits(self, failing, courier, receiver):
        failing.refresh_from_db()

        assert failing.failures == retry.TRIPS_AT == len(receiver.got)
        assert 20 < seconds_to(failing.held_until) < 35
        assert WebhookDelivery.objects.filter(attempts=0).count() == 3

    def test_is_then_called_once_to_see(self, failing, courier, receiver):
        let_time_pass(minutes=1)
        courier.look_again()
        courier.look_again()

        assert len(receiver.got) == retry.TRIPS_AT + 1

    def test_gets_all_that_waits_when_it_is_well_again(self, failing, courier, receiver):
        receiver.answers = [status(204)]
        WebhookEndpoint.objects.update(held_until=database_time())

        courier.look_again()

        failing.refresh_from_db()
        assert (failing.failures, failing.failing_since, failing.held_until) == (0, None, None)
        assert set(WebhookDelivery.objects.values_list("status", flat=True)) == {"DELIVERED"}

    def test_for_a_day_is_paused_and_that_is_said(self, courier, make_webhook, make_supplier, receiver, caplog):
        receiver.answers = [status(500)]
        endpoint, _ = make_webhook()
        make_supplier()
        for _ in range(retry.MOST_ATTEMPTS):
            courier.look_again()
            let_time_pass(24)

        endpoint.refresh_from_db()
        assert (endpoint.status, endpoint.paused_because) == ("PAUSED", PauseCause.FAILURES)
        assert WebhookDelivery.objects.get().status == DeliveryStatus.FAILED
        assert AuditEntry.objects.get(action="WEBHOOK_PAUSED").actor == "system"
        (line,) = [each for each in caplog.records if each.levelno == logging.ERROR]
        assert (line.webhook, "is paused" in line.getMessage()) == (endpoint.pk, True)

    def test_by_saying_that_it_has_gone_is_paused_at_once(self, courier, make_webhook, make_supplier, receiver):
        receiver.answers = [status(410)]
        endpoint, _ = make_webhook()
        make_supplier()

        courier.drain()

        endpoint.refresh_from_db()
        assert endpoint.paused_because == PauseCause.GONE

    def test_because_its_address_is_not_allowed_any_more_is_not_called(
        self, courier, make_webhook, make_supplier, receiver, settings
    ):
        make_webhook()
        make_supplier()
        settings.WEBHOOK_ALLOWED_NETWORKS = []

        courier.drain()

        assert receiver.connections == 0
        assert "not on the public internet" in WebhookAttempt.objects.get().error


class TestASecretThatTheRelayCannotRead:
    @pytest.fixture
    def unreadable(self, courier, make_webhook, make_supplier, receiver, settings):
        """An endpoint whose secret is closed by a key that another process has already, and two events for it."""
        usual = settings.SECRET_KEY
        settings.SECRET_KEY = "another" * 10
        endpoint, _ = make_webhook()
        settings.SECRET_KEY = usual
        for _ in range(2):
            make_supplier()
            courier.look_again()
        return endpoint

    def test_lets_its_deliveries_wait_uncalled_and_the_endpoint_active(self, unreadable, receiver):
        unreadable.refresh_from_db()

        assert (unreadable.status, receiver.got) == ("ACTIVE", [])
        assert set(WebhookDelivery.objects.values_list("status", flat=True)) == {DeliveryStatus.WAITING}
        assert "AUDIT_KEY_FALLBACKS" in unreadable.fails_because

    def test_is_called_with_all_that_waited_once_the_relay_has_the_key(
        self, unreadable, courier, receiver, make_supplier, settings
    ):
        settings.AUDIT_KEY_FALLBACKS = ["another" * 10]
        make_supplier(name="After")
        let_time_pass(1)
        courier.look_again()

        assert len(receiver.got) == WebhookDelivery.objects.filter(status=DeliveryStatus.DELIVERED).count() == 3
        unreadable.refresh_from_db()
        assert (unreadable.failures, unreadable.fails_because) == (0, "")

    def test_is_said_once_as_an_error(self, unreadable, caplog):
        said = [each for each in caplog.get_records("setup") if each.levelno == logging.ERROR]

        assert [(each.webhook, "cannot be read" in each.getMessage()) for each in said] == [(unreadable.pk, True)]

    def test_pauses_the_endpoint_when_it_would_be_for_failing(self, unreadable, courier):
        for _ in range(retry.MOST_ATTEMPTS):
            courier.look_again()
            let_time_pass(24)

        unreadable.refresh_from_db()
        assert (unreadable.status, unreadable.paused_because) == ("PAUSED", PauseCause.SECRET)


def test_no_secret_is_in_the_log_the_table_or_an_error(courier, make_webhook, make_supplier, receiver, caplog):
    caplog.set_level(logging.DEBUG)
    endpoint, secret = make_webhook(url=f"{receiver.url}?key=hunter2")
    bare = secret.removeprefix("whsec_")
    receiver.answers = [status(500, f"I am set up with {secret}, that is {bare}".encode())]
    make_supplier()

    courier.drain()

    rows = [*WebhookAttempt.objects.all(), *WebhookDelivery.objects.all(), *AuditEntry.objects.all()]
    told = serializers.serialize("json", rows) + "".join(f"{vars(each)}" for each in caplog.records)
    assert "I am set up with whsec_[secret]" in told
    for text in (bare, "hunter2"):
        assert text not in told
    assert endpoint.pk


def test_an_address_that_begins_with_two_slashes_and_a_bracket_is_called_as_any(
    courier, make_webhook, make_supplier, receiver
):
    make_webhook(url=receiver.url.removesuffix(urlsplit(receiver.url).path) + "//[x?key=hunter2")
    make_supplier()

    courier.drain()

    assert [each.line for each in receiver.got] == ["POST //[x?key=hunter2 HTTP/1.1"]
    assert WebhookDelivery.objects.get().status == DeliveryStatus.DELIVERED


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("TOKEN12345678&v=1", "no TOKEN12345678 here"),
        ("key=ab%2fcd%3d1234&v=1", "no ab%2fcd%3d1234, that is ab/cd=1234, here"),
        ("key=ab/cd1234", r"no ab\/cd1234 here"),
        ("key=ab%22cd1234", r"no ab\"cd1234 here"),
    ],
)
def test_a_key_in_the_address_is_hidden_however_it_is_written(
    courier, make_webhook, make_supplier, receiver, query, said
):
    receiver.answers = [status(404, said.encode())]
    make_webhook(url=f"{receiver.url}?{query}")
    make_supplier()

    courier.drain()

    told = WebhookAttempt.objects.get().answer
    assert told.startswith("no [secret]") and told.endswith(" here")
    assert "1234" not in told


def test_a_short_query_hides_no_words(courier, make_webhook, make_supplier, receiver):
    receiver.answers = [status(500)]
    make_webhook(url=f"{receiver.url}?e")
    make_supplier()

    courier.drain()

    assert WebhookAttempt.objects.get().error == "answered 500"


@pytest.mark.parametrize("before", [2_000, 2_018, 2_040, 2_047])
def test_no_part_of_a_secret_stands_where_an_answer_is_cut(courier, make_webhook, make_supplier, receiver, before):
    _, secret = make_webhook()
    bare = secret.removeprefix("whsec_")
    receiver.answers = [status(500, b"-" * before + bare.encode() + b"-" * 3_000)]
    make_supplier()

    courier.drain()

    assert bare[:3] not in WebhookAttempt.objects.get().answer


def test_nothing_is_asked_without_a_pause_while_what_is_due_stands_behind_a_retry(
    courier, make_webhook, make_supplier, receiver
):
    receiver.answers = [status(500)]
    make_webhook()
    make_supplier()
    courier.drain()
    WebhookDelivery.objects.update(next_attempt_at=timezone.now() + timedelta(hours=3))
    WebhookEndpoint.objects.update(held_until=None)
    first = WebhookDelivery.objects.get()
    WebhookDelivery.objects.create(
        endpoint=first.endpoint, event_id=uuid4(), sequence=first.sequence + 1, event_type=first.event_type,
        subject=first.subject, body=first.body,
    )  # fmt: skip
    courier.look_again()

    assert next_due_seconds(ALL_LANES) > 3_600


def test_a_held_endpoint_is_asked_again_when_its_time_comes(courier, make_webhook, make_supplier, receiver):
    make_webhook()
    make_supplier()
    spread()
    WebhookEndpoint.objects.update(held_until=timezone.now() + timedelta(hours=1))

    assert 3_000 < next_due_seconds(ALL_LANES) <= 3_600


def test_a_run_ends_soon_so_that_a_pause_is_obeyed(courier, make_webhook, make_supplier, receiver, monkeypatch):
    monkeypatch.setattr("outbox.webhooks.courier.RUN_SECONDS", 0.0)
    make_webhook()
    for _ in range(3):
        make_supplier()

    courier.turn(ALL_LANES)
    courier.pause()
    wait_until(lambda: courier._store() or not courier._in_flight, what="the run to end")

    assert len(receiver.got) == 1


def test_a_key_in_the_address_is_not_shown_when_the_receiver_repeats_it(courier, make_webhook, make_supplier, receiver):
    receiver.answers = [
        answering(b"HTTP/1.1 404 No\r\nConnection: close\r\n\r\nno hook at /?key=TOP%2FSECRET or TOP/SECRET")
    ]
    make_webhook(url=f"{receiver.url}?key=TOP%2FSECRET")
    make_supplier()
    courier.drain()

    assert "SECRET" not in WebhookAttempt.objects.get().answer


def test_early_hints_are_no_answer(courier, make_webhook, make_supplier, receiver):
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    receiver.answers = [answering(early + b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")]
    make_webhook()
    make_supplier()
    courier.drain()

    assert WebhookDelivery.objects.get().status == DeliveryStatus.DELIVERED
