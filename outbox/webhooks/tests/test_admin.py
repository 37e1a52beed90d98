from __future__ import annotations

import json
import re

import pytest
from django.core import serializers
from django.db import connection
from django.test import Client

from audit.models import AuditEntry
from outbox.webhooks import vault
from outbox.webhooks.fanout import spread
from outbox.webhooks.models import WebhookDelivery, WebhookEndpoint
from outbox.webhooks.services import pause_by_system
from qhse.adminsite.tests.forms_of import open_and_fill
from qhse.repeats.models import IdempotencyRecord

pytestmark = pytest.mark.django_db

ENDPOINTS, DELIVERIES = "/admin/webhooks/webhookendpoint/", "/admin/webhooks/webhookdelivery/"
URL = "https://erp.example.com/hooks"


@pytest.fixture
def client(users):
    client = Client()
    client.force_login(users["admin"])
    return client


def text_of(response):
    return response.content.decode()


def secret_in(response):
    found = re.search(r"whsec_[A-Za-z0-9+/=]{44}", text_of(response))
    return found and found[0]


def add(client, **values):
    return open_and_fill(
        client, f"{ENDPOINTS}add/", **{"url": URL, "description": "ERP", "event_types": ["*"]} | values
    )


class TestAdding:
    def test_shows_the_secret_on_the_page_that_answers_and_nowhere_else(self, client):
        answer = client.post(f"{ENDPOINTS}add/", add(client, event_types=["NC_CREATED", "NC_CLOSED"]))

        endpoint = WebhookEndpoint.objects.get()
        secret = secret_in(answer)
        assert secret == vault.opened(endpoint.secret)
        assert "no-store" in answer["Cache-Control"]
        assert endpoint.event_types == ["NC_CLOSED", "NC_CREATED"]
        assert AuditEntry.objects.get(action="WEBHOOK_CREATED").source == "admin"
        for page in (ENDPOINTS, f"{ENDPOINTS}{endpoint.pk}/change/"):
            assert secret_in(client.get(page)) is None
        assert secret[6:] not in serializers.serialize("json", IdempotencyRecord.objects.all())

    def test_sent_twice_makes_one_and_shows_the_secret_once(self, client):
        form = add(client)
        client.post(f"{ENDPOINTS}add/", form)

        again = client.post(f"{ENDPOINTS}add/", form, follow=True)

        assert WebhookEndpoint.objects.count() == 1
        assert "had been sent already" in text_of(again)
        assert secret_in(again) is None

    def test_what_is_refused_stands_beside_its_field(self, client):
        for values in ({"url": "https://10.0.0.1/"}, {"event_types": []}, {"url": "ftp://example.com"}):
            answer = client.post(f"{ENDPOINTS}add/", add(client, **values))
            assert answer.status_code == 200
            assert "errorlist" in text_of(answer)

        assert not WebhookEndpoint.objects.exists()


class TestARecord:
    @pytest.fixture
    def page(self, make_webhook):
        endpoint, _ = make_webhook(url=f"{URL}?code=hunter2", description="ERP")
        return f"{ENDPOINTS}{endpoint.pk}/change/"

    def test_is_changed(self, client, page):
        form = open_and_fill(client, page, event_types=["NC_CLOSED"], reason="Too much")

        client.post(page, form)

        endpoint = WebhookEndpoint.objects.get()
        assert (endpoint.event_types, endpoint.url) == (["NC_CLOSED"], f"{URL}?code=hunter2")
        assert AuditEntry.objects.get(action="WEBHOOK_CHANGED").reason == "Too much"

    def test_is_paused_and_made_active_again(self, client, page):
        client.post(f"{page}?step=pause", open_and_fill(client, f"{page}?step=pause", reason="Moves"))
        assert WebhookEndpoint.objects.get().paused_because == "person"
        assert "Paused: somebody paused it" in text_of(client.get(ENDPOINTS))
        client.post(page, open_and_fill(client, page))

        assert WebhookEndpoint.objects.get().is_active

    def test_gets_another_secret_which_is_shown_once(self, client, page):
        before = vault.opened(WebhookEndpoint.objects.get().secret)
        form = open_and_fill(client, f"{page}?step=rotate", reason="Yearly")

        answer = client.post(f"{page}?step=rotate", form)
        again = client.post(f"{page}?step=rotate", form, follow=True)

        secret = vault.opened(WebhookEndpoint.objects.get().secret)
        assert secret_in(answer) == secret != before
        assert secret_in(again) is None
        assert AuditEntry.objects.filter(action="WEBHOOK_SECRET_ROTATED").count() == 1

    def test_that_fails_says_why(self, client, page):
        assert "its secret" not in text_of(client.get(page))
        WebhookEndpoint.objects.update(failures=1, last_error="its secret cannot be read")

        assert "its secret cannot be read" in text_of(client.get(page))
        WebhookEndpoint.objects.update(failures=0)  # by a former version, which knows no reason
        assert "its secret cannot be read" not in text_of(client.get(page))

    def test_that_cannot_sign_says_so_and_how_to_mend_it(self, client, page):
        endpoint = WebhookEndpoint.objects.get()
        pause_by_system(webhook_id=endpoint.pk, cause="secret_unreadable")
        WebhookEndpoint.objects.update(secret="of another key")

        answer = client.post(f"{page}?step=resume", open_and_fill(client, f"{page}?step=resume"))

        assert "rotate it, then make the webhook active" in text_of(answer)


class TestTheBanner:
    def test_tells_administrators_what_the_system_has_paused(self, client, make_webhook, users):
        endpoint, _ = make_webhook(description="ERP")
        assert "is paused" not in text_of(client.get("/admin/"))
        pause_by_system(webhook_id=endpoint.pk, cause="failures")

        assert "The webhook ERP is paused: took nothing for a day" in text_of(client.get("/admin/"))
        other = Client()
        other.force_login(users["quality"])
        assert "The webhook ERP" not in text_of(other.get("/admin/"))

    def test_says_on_their_pages_that_a_trial_on_sqlite_sends_nothing(self, client, make_webhook):
        assert "Nothing is sent to webhooks" not in text_of(client.get(ENDPOINTS))
        make_webhook()

        assert ("Nothing is sent to webhooks" in text_of(client.get(ENDPOINTS))) == (connection.vendor == "sqlite")
        assert "Nothing is sent to webhooks" not in text_of(client.get("/admin/"))

    def test_says_nothing_of_what_a_person_paused(self, client, make_webhook):
        make_webhook()
        WebhookEndpoint.objects.update(status="PAUSED", paused_because="person", paused_at="2026-11-27T08:00:00Z")

        assert "is paused" not in text_of(client.get("/admin/"))


class TestDeliveries:
    @pytest.fixture
    def delivery(self, make_webhook, make_nc, courier, receiver):
        from outbox.webhooks.tests.receiver import status

        receiver.answers = [status(500, b"<b>Out of order</b>")]
        make_webhook(event_types=["NC_CREATED"], description="ERP")
        make_nc()
        courier.drain()
        WebhookDelivery.objects.update(status="FAILED", ended_at="2026-11-27T08:00:00Z")
        return WebhookDelivery.objects.get()

    def test_are_listed_and_found_by_their_record(self, client, delivery):
        assert delivery.subject in text_of(client.get(DELIVERIES))
        assert delivery.subject in text_of(client.get(DELIVERIES, {"q": delivery.subject}))
        assert delivery.subject not in text_of(client.get(DELIVERIES, {"q": "nonconformity/0"}))
        assert delivery.subject in text_of(client.get(DELIVERIES, {"endpoint__id__exact": delivery.endpoint_id}))

    def test_show_what_was_sent_and_what_was_answered(self, client, delivery):
        shown = text_of(client.get(f"{DELIVERIES}{delivery.pk}/change/"))

        assert json.loads(delivery.body)["type"] in shown
        assert "answered 500" in shown
        assert "&lt;b&gt;Out of order" in shown
        assert "<b>Out of order" not in shown

    def test_are_sent_again_from_their_page(self, client, delivery):
        page = f"{DELIVERIES}{delivery.pk}/change/"

        client.post(page, open_and_fill(client, page, reason="Mended"))

        delivery.refresh_from_db()
        assert (delivery.status, delivery.attempts) == ("WAITING", 0)
        assert AuditEntry.objects.get(action="WEBHOOK_DELIVERY_RETRIED").reason == "Mended"

    def test_are_sent_again_from_the_list(self, client, delivery):
        asked = {"action": "retry_selected", "_selected_action": [delivery.pk]}

        client.post(DELIVERIES, asked | {"confirmed": "1", "reason": "Mended"})

        assert WebhookDelivery.objects.get().status == "WAITING"

    def test_are_not_sent_again_while_their_webhook_is_paused(self, client, delivery):
        pause_by_system(webhook_id=delivery.endpoint_id, cause="gone")

        answer = client.post(f"{DELIVERIES}{delivery.pk}/change/", {"reason": "x", "go": "1"}, follow=True)

        assert "cannot be sent again while its webhook is paused" in text_of(answer)
        assert WebhookDelivery.objects.get().status == "FAILED"


def test_the_list_of_webhooks_does_not_show_queries(client, make_webhook):
    make_webhook(url=f"{URL}?code=hunter2", description="")
    spread()

    assert "hunter2" not in text_of(client.get(ENDPOINTS))
