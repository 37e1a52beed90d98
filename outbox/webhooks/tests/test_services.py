from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.core import serializers

from audit.models import AuditEntry
from outbox.models import DUE_AT_ONCE
from outbox.webhooks import vault
from outbox.webhooks.choices import DeliveryStatus, EndpointStatus, PauseCause
from outbox.webhooks.errors import (
    EventTypesAreUnknown,
    WebhookDeliveryNotFound,
    WebhookIsPaused,
    WebhookNotFound,
    WebhookSecretIsUnreadable,
    WebhookUrlIsRefused,
)
from outbox.webhooks.fanout import spread
from outbox.webhooks.models import WebhookDelivery, WebhookEndpoint
from outbox.webhooks.services import change_webhook, pause_by_system, retry_delivery, rotate_secret
from qhse.database import database_time
from qhse.errors import InvalidInput, RecordHasChanged

pytestmark = pytest.mark.django_db


def trail(action):
    return AuditEntry.objects.filter(action=action)


def everything_stored():
    """Return all rows of all tables that could have a secret, as text."""
    models = (WebhookEndpoint, WebhookDelivery, AuditEntry)
    return "".join(serializers.serialize("json", model.objects.all()) for model in models)


class TestCreateWebhook:
    def test_stores_the_endpoint_and_an_entry_and_returns_the_secret(self, make_webhook, users):
        endpoint, secret = make_webhook(event_types=["NC_CREATED", "NC_CLOSED", "NC_CREATED"], description="ERP")

        endpoint.refresh_from_db()
        assert (endpoint.event_types, endpoint.status) == (["NC_CLOSED", "NC_CREATED"], EndpointStatus.ACTIVE)
        assert vault.opened(endpoint.secret) == secret
        entry = trail("WEBHOOK_CREATED").get()
        assert (entry.actor, entry.entity_id) == ("admin", str(endpoint.pk))
        assert entry.changes["description"] == [None, "ERP"]

    def test_stores_the_secret_nowhere_as_it_is(self, make_webhook, users):
        endpoint, first = make_webhook()
        _, second = rotate_secret(webhook_id=endpoint.pk, actor=users["admin"])

        stored = everything_stored()
        for secret in (first, second):
            assert secret.removeprefix("whsec_") not in stored

    def test_keeps_the_query_of_the_address_out_of_the_trail(self, make_webhook, users, receiver):
        endpoint, _ = make_webhook(url=f"{receiver.url}?code=hunter2")
        change_webhook(webhook_id=endpoint.pk, actor=users["admin"], changes={"url": f"{receiver.url}?code=hunter3"})

        assert "hunter" not in serializers.serialize("json", AuditEntry.objects.all())

    @pytest.mark.parametrize(
        ("wrong", "error"),
        [
            ({"url": "https://10.0.0.1/"}, WebhookUrlIsRefused),
            ({"url": "ftp://example.com/"}, WebhookUrlIsRefused),
            ({"event_types": []}, EventTypesAreUnknown),
            ({"event_types": ["NC_EXPLODED"]}, EventTypesAreUnknown),
            ({"description": "a\u200bb"}, InvalidInput),
            ({"description": "a" * 201}, InvalidInput),
        ],
    )
    def test_refuses_and_stores_nothing(self, make_webhook, row_counts, users, wrong, error):
        before = row_counts()

        with pytest.raises(error):
            make_webhook(**wrong)

        assert row_counts() == before

    def test_wants_https_in_production(self, make_webhook, settings):
        settings.PRODUCTION = True

        with pytest.raises(WebhookUrlIsRefused):
            make_webhook(url="http://example.com/")


class TestChangeWebhook:
    def test_changes_what_is_given_and_leaves_an_entry(self, make_webhook, users):
        endpoint, _ = make_webhook(description="ERP")

        changed = change_webhook(
            webhook_id=endpoint.pk, actor=users["admin"], changes={"event_types": ["NC_CLOSED"]}, reason="Too much"
        )

        assert (changed.event_types, changed.description, changed.version) == (["NC_CLOSED"], "ERP", 2)
        entry = trail("WEBHOOK_CHANGED").get()
        assert (entry.changes, entry.reason) == ({"event_types": [["*"], ["NC_CLOSED"]]}, "Too much")

    def test_to_what_is_so_already_leaves_nothing(self, make_webhook, users, row_counts):
        endpoint, _ = make_webhook()
        before = row_counts()

        same = change_webhook(
            webhook_id=endpoint.pk, actor=users["admin"], changes={"url": endpoint.url, "is_active": True}
        )  # fmt: skip

        assert (row_counts(), same.version) == (before, 1)

    def test_based_on_another_version_is_refused(self, make_webhook, users):
        endpoint, _ = make_webhook()

        with pytest.raises(RecordHasChanged):
            change_webhook(
                webhook_id=endpoint.pk, actor=users["admin"], changes={"description": "x"}, expected_versions={7}
            )

    def test_of_none_is_refused(self, users):
        with pytest.raises(WebhookNotFound):
            change_webhook(webhook_id=7, actor=users["admin"], changes={})

    def test_an_address_of_before_a_rule_may_stay(self, make_webhook, users, settings):
        endpoint, _ = make_webhook()
        settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("192.168.7.0/24")]

        change_webhook(
            webhook_id=endpoint.pk, actor=users["admin"], changes={"url": endpoint.url, "description": "Old"}
        )  # fmt: skip

        assert WebhookEndpoint.objects.get().description == "Old"

    def test_pauses_and_resumes_each_with_an_entry(self, make_webhook, users):
        endpoint, _ = make_webhook()

        paused = change_webhook(
            webhook_id=endpoint.pk, actor=users["admin"], changes={"is_active": False}, reason="Moves"
        )
        assert (paused.status, paused.paused_because) == (EndpointStatus.PAUSED, PauseCause.PERSON)
        resumed = change_webhook(webhook_id=endpoint.pk, actor=users["admin"], changes={"is_active": True})

        assert (resumed.status, resumed.paused_because, resumed.paused_at) == (EndpointStatus.ACTIVE, "", None)
        assert trail("WEBHOOK_PAUSED").get().reason == "Moves"
        assert trail("WEBHOOK_RESUMED").get().changes["status"] == ["PAUSED", "ACTIVE"]

    def test_resumed_after_a_failure_begins_anew(self, make_webhook, make_supplier, users):
        endpoint, _ = make_webhook()
        make_supplier()
        spread()
        later = database_time() + timedelta(hours=3)
        WebhookEndpoint.objects.update(failures=9, failing_since=database_time(), held_until=later)
        WebhookDelivery.objects.update(attempts=5, next_attempt_at=later)
        pause_by_system(webhook_id=endpoint.pk, cause=PauseCause.FAILURES)

        resumed = change_webhook(webhook_id=endpoint.pk, actor=users["admin"], changes={"is_active": True})

        resumed.refresh_from_db()
        assert (resumed.failures, resumed.failing_since, resumed.held_until) == (0, None, None)
        waiting = WebhookDelivery.objects.waiting()
        assert set(waiting.values_list("attempts", "next_attempt_at")) == {(0, DUE_AT_ONCE)}

    def test_that_cannot_sign_is_not_resumed(self, make_webhook, users, settings):
        endpoint, _ = make_webhook()
        pause_by_system(webhook_id=endpoint.pk, cause=PauseCause.SECRET)
        settings.SECRET_KEY = "another" * 10

        with pytest.raises(WebhookSecretIsUnreadable):
            change_webhook(webhook_id=endpoint.pk, actor=users["admin"], changes={"is_active": True})
        rotate_secret(webhook_id=endpoint.pk, actor=users["admin"])

        change_webhook(webhook_id=endpoint.pk, actor=users["admin"], changes={"is_active": True})
        assert WebhookEndpoint.objects.get().is_active


class TestRotateSecret:
    def test_keeps_the_former_for_a_day(self, make_webhook, users):
        endpoint, former = make_webhook()

        rotated, secret = rotate_secret(webhook_id=endpoint.pk, actor=users["admin"], reason="Yearly")

        rotated.refresh_from_db()
        assert vault.opened(rotated.secret) == secret != former
        assert vault.opened(rotated.previous_secret) == former
        assert rotated.previous_until == rotated.secret_since + timedelta(hours=24)
        entry = trail("WEBHOOK_SECRET_ROTATED").get()
        assert (set(entry.changes), entry.reason) == ({"previous_until"}, "Yearly")

    def test_keeps_a_former_one_that_only_other_processes_can_read(self, make_webhook, users, settings):
        endpoint, former = make_webhook()
        known = settings.SECRET_KEY
        settings.SECRET_KEY = "another" * 10

        rotated, secret = rotate_secret(webhook_id=endpoint.pk, actor=users["admin"])

        assert vault.opened(rotated.secret) == secret
        settings.SECRET_KEY = known
        assert vault.is_readable(rotated.previous_secret)
        assert vault.opened(rotated.previous_secret) == former


class TestRetryDelivery:
    @pytest.fixture
    def failed(self, make_webhook, make_supplier):
        make_webhook()
        make_supplier()
        spread()
        delivery = WebhookDelivery.objects.get()
        WebhookDelivery.objects.update(status=DeliveryStatus.FAILED, attempts=11, ended_at=database_time())
        return delivery

    def test_lets_it_be_sent_again_with_attempts_counted_anew(self, failed, users):
        again = retry_delivery(
            webhook_id=failed.endpoint_id, delivery_id=failed.pk, actor=users["admin"], reason="Mended"
        )

        assert (again.status, again.attempts, again.by_hand, again.ended_at) == ("WAITING", 0, True, None)
        entry = trail("WEBHOOK_DELIVERY_RETRIED").get()
        assert (entry.changes["status"], entry.reason) == (["FAILED", "WAITING"], "Mended")

    def test_twice_leaves_one_entry(self, failed, users):
        for _ in range(2):
            retry_delivery(webhook_id=failed.endpoint_id, delivery_id=failed.pk, actor=users["admin"])

        assert trail("WEBHOOK_DELIVERY_RETRIED").count() == 1

    def test_of_one_that_waits_keeps_its_place_in_the_order(self, failed, users):
        WebhookDelivery.objects.update(status=DeliveryStatus.WAITING, attempts=3, ended_at=None)

        again = retry_delivery(webhook_id=failed.endpoint_id, delivery_id=failed.pk, actor=users["admin"])

        assert (again.attempts, again.by_hand) == (0, False)

    def test_is_refused_while_the_webhook_is_paused(self, failed, users):
        change_webhook(webhook_id=failed.endpoint_id, actor=users["admin"], changes={"is_active": False})

        with pytest.raises(WebhookIsPaused):
            retry_delivery(webhook_id=failed.endpoint_id, delivery_id=failed.pk, actor=users["admin"])

    def test_of_another_webhook_is_refused(self, failed, make_webhook, users):
        other, _ = make_webhook()

        with pytest.raises(WebhookDeliveryNotFound):
            retry_delivery(webhook_id=other.pk, delivery_id=failed.pk, actor=users["admin"])


class TestPauseBySystem:
    def test_leaves_an_entry_of_the_system_once(self, make_webhook):
        endpoint, _ = make_webhook()

        assert pause_by_system(webhook_id=endpoint.pk, cause=PauseCause.GONE)
        assert not pause_by_system(webhook_id=endpoint.pk, cause=PauseCause.FAILURES)

        entry = trail("WEBHOOK_PAUSED").get()
        assert (entry.actor, entry.changes["paused_because"]) == ("system", [None, "gone"])
