from __future__ import annotations

import pytest
from django.core import serializers

from audit.models import AuditEntry
from outbox.webhooks.fanout import spread
from outbox.webhooks.models import WebhookDelivery, WebhookEndpoint
from outbox.webhooks.services import pause_by_system
from qhse.repeats.models import IdempotencyRecord

pytestmark = pytest.mark.django_db

BODY = {"url": "https://erp.example.com/hooks", "event_types": ["NC_CREATED"], "description": "ERP"}
SHOWN = {
    "id", "url", "description", "event_types", "status", "paused_because", "paused_at", "secret_since",
    "previous_secret_until", "failures", "failing_since", "held_until", "last_error", "created_at", "created_by",
}  # fmt: skip


class TestCreate:
    def test_answers_with_the_secret_which_no_other_answer_has(self, api):
        client = api("admin")

        made = client.post("/webhooks", BODY)

        assert made.status_code == 201
        assert set(made.json()) == SHOWN | {"secret"}
        assert made["Cache-Control"] == "no-store"
        secret = made.json()["secret"].removeprefix("whsec_")
        for address in ("/webhooks", f"/webhooks/{made.json()['id']}"):
            shown = client.get(address)
            assert secret not in shown.content.decode()
        assert set(client.get(f"/webhooks/{made.json()['id']}").json()) == SHOWN

    def test_repeated_under_a_key_makes_one_and_tells_no_secret_again(self, api):
        client = api("admin")

        first, again = (client.post("/webhooks", BODY, headers={"Idempotency-Key": "k1"}) for _ in range(2))

        assert (first.status_code, again.status_code, again["Idempotency-Replayed"]) == (201, 201, "true")
        assert again.json() == first.json() | {"secret": None}
        assert again["ETag"] == first["ETag"]
        assert WebhookEndpoint.objects.count() == 1
        assert first.json()["secret"][6:] not in serializers.serialize("json", IdempotencyRecord.objects.all())

    @pytest.mark.parametrize(
        ("wrong", "field", "code"),
        [
            ({"url": "https://10.0.0.1/"}, "url", "webhook_url_refused"),
            ({"url": "https://user:pw@example.com/"}, "url", "webhook_url_refused"),
            ({"event_types": ["NC_EXPLODED"]}, "event_types", "unknown_event_type"),
            ({"event_types": []}, "event_types", "empty"),
            ({"description": "a\u200bb"}, "description", "invalid"),
        ],
    )
    def test_says_what_is_wrong_and_stores_nothing(self, api, problem_of, row_counts, wrong, field, code):
        client, before = api("admin"), row_counts()

        problem = problem_of(client.post("/webhooks", BODY | wrong), 400)

        assert [(each["field"], each["code"]) for each in problem["errors"]] == [(field, code)]
        assert row_counts() == before


class TestChange:
    def test_pauses_and_resumes(self, api):
        client = api("admin")
        address = f"/webhooks/{client.post('/webhooks', BODY).json()['id']}"

        paused = client.patch(address, {"is_active": False, "reason": "Moves"}).json()
        assert (paused["status"], paused["paused_because"]) == ("PAUSED", "person")
        resumed = client.patch(address, {"is_active": True}).json()

        assert (resumed["status"], resumed["paused_because"], resumed["paused_at"]) == ("ACTIVE", "", None)
        assert AuditEntry.objects.get(action="WEBHOOK_PAUSED").source == "api"

    def test_of_a_version_that_is_gone_is_refused(self, api, problem_of):
        client = api("admin")
        made = client.post("/webhooks", BODY)
        address, tag = f"/webhooks/{made.json()['id']}", made["ETag"]

        changed = client.patch(address, {"description": "ERP 2"}, headers={"If-Match": tag})
        assert (changed.status_code, changed["ETag"]) == (200, '"2"')
        problem_of(client.patch(address, {"description": "ERP 3"}, headers={"If-Match": tag}), 412)
        problem_of(client.post(f"{address}/secret", {}, headers={"If-Match": tag}), 412)

    def test_resuming_what_cannot_sign_is_a_conflict(self, api, problem_of, settings):
        client = api("admin")
        pk = client.post("/webhooks", BODY).json()["id"]
        pause_by_system(webhook_id=pk, cause="secret_unreadable")
        WebhookEndpoint.objects.update(secret="of another key")

        problem = problem_of(client.patch(f"/webhooks/{pk}", {"is_active": True}), 409)

        assert problem["code"] == "webhook_secret_unreadable"
        assert client.get(f"/webhooks/{pk}").json()["paused_because"] == "secret_unreadable"

    def test_of_none_is_not_found(self, api, problem_of):
        for method, address in (("patch", "/webhooks/7"), ("post", "/webhooks/7/secret")):
            assert problem_of(getattr(api("admin"), method)(address, {}), 404)["code"] == "webhook_not_found"


class TestRotateSecret:
    def test_answers_with_another_secret_and_until_when_the_former_serves(self, api):
        client = api("admin")
        made = client.post("/webhooks", BODY).json()

        rotated = client.post(f"/webhooks/{made['id']}/secret", {"reason": "Yearly"})

        assert rotated.json()["secret"] not in (None, made["secret"])
        assert rotated.json()["previous_secret_until"]
        assert rotated["Cache-Control"] == "no-store"
        assert AuditEntry.objects.get(action="WEBHOOK_SECRET_ROTATED").reason == "Yearly"


class TestDeliveries:
    @pytest.fixture
    def webhook(self, make_webhook, make_nc):
        endpoint, _ = make_webhook()
        make_nc()
        spread()
        return endpoint

    def test_are_listed_newest_first_and_by_their_filters(self, api, webhook, make_webhook):
        client, address = api("admin"), f"/webhooks/{webhook.pk}/deliveries"
        other, _ = make_webhook()

        page = client.get(address).json()
        assert [each["id"] for each in page["results"]] == list(webhook.deliveries.values_list("id", flat=True))
        for name in ("event_type", "subject", "status"):
            value = page["results"][0][name]
            found = client.get(address, {name: value}).json()["results"]
            assert found == [each for each in page["results"] if each[name] == value]
        assert client.get(address, {"status": "DELIVERED"}).json()["count"] == 0
        assert client.get(f"/webhooks/{other.pk}/deliveries").json()["count"] == 0

    def test_of_no_webhook_are_not_found(self, api, problem_of):
        assert problem_of(api("admin").get("/webhooks/7/deliveries"), 404)["code"] == "webhook_not_found"

    def test_refuse_parameters_that_they_do_not_know(self, api, webhook, problem_of):
        for query in ("x=1", "status=LOST", "limit=0"):
            problem_of(api("admin").get(f"/webhooks/{webhook.pk}/deliveries?{query}"), 400)

    def test_one_has_its_body_and_its_attempts(self, api, webhook, courier, receiver):
        courier._start(frozenset(range(8)))
        courier.drain()
        delivery = webhook.deliveries.first()

        shown = api("admin").get(f"/webhooks/{webhook.pk}/deliveries/{delivery.pk}").json()

        assert (shown["status"], shown["body"], shown["attempts"]) == ("DELIVERED", delivery.body, 1)
        (attempt,) = shown["tries"]
        assert (attempt["status_code"], attempt["error"], attempt["url"]) == (204, "", receiver.url)

    def test_one_of_another_webhook_is_not_found(self, api, webhook, make_webhook, problem_of):
        other, _ = make_webhook()
        pk = webhook.deliveries.first().pk

        for method, end in (("get", ""), ("post", "/retry")):
            problem = problem_of(getattr(api("admin"), method)(f"/webhooks/{other.pk}/deliveries/{pk}{end}"), 404)
            assert problem["code"] == "webhook_delivery_not_found"

    def test_one_is_sent_again(self, api, webhook):
        delivery = webhook.deliveries.first()
        WebhookDelivery.objects.update(status="FAILED", attempts=11, ended_at="2026-11-27T08:00:00Z")

        again = api("admin").post(f"/webhooks/{webhook.pk}/deliveries/{delivery.pk}/retry", {"reason": "Mended"})

        assert (again.status_code, again.json()["status"], again.json()["attempts"]) == (200, "WAITING", 0)

    def test_one_is_not_sent_again_while_its_webhook_is_paused(self, api, webhook, problem_of):
        client, delivery = api("admin"), webhook.deliveries.first()
        client.patch(f"/webhooks/{webhook.pk}", {"is_active": False})

        problem = problem_of(client.post(f"/webhooks/{webhook.pk}/deliveries/{delivery.pk}/retry", {}), 409)

        assert problem["code"] == "webhook_is_paused"


@pytest.mark.parametrize("who", ["quality", "procurement", "auditor"])
def test_nobody_but_an_administrator_sees_or_changes_anything(api, problem_of, make_webhook, who):
    endpoint, _ = make_webhook()
    client = api(who)

    for method, address in (
        ("get", "/webhooks"), ("post", "/webhooks"), ("get", f"/webhooks/{endpoint.pk}"),
        ("patch", f"/webhooks/{endpoint.pk}"), ("post", f"/webhooks/{endpoint.pk}/secret"),
        ("get", f"/webhooks/{endpoint.pk}/deliveries"),
    ):  # fmt: skip
        problem_of(getattr(client, method)(address), 403)
