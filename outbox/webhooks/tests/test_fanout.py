from __future__ import annotations

import json

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from outbox.models import OutboxEvent, Outgoing
from outbox.pruning import prune_processed
from outbox.webhooks.fanout import CHANNEL, body_of, spread
from outbox.webhooks.models import WebhookDelivery, WebhookEndpoint
from outbox.webhooks.services import change_webhook

pytestmark = pytest.mark.django_db


def notes():
    return list(Outgoing.objects.filter(channel=CHANNEL).order_by("id").values_list("event", flat=True))


class TestNoting:
    def test_costs_no_row_while_there_is_no_active_endpoint(self, make_webhook, make_supplier, users):
        make_supplier()
        assert notes() == []
        endpoint, _ = make_webhook()
        change_webhook(webhook_id=endpoint.pk, actor=users["admin"], changes={"is_active": False})

        make_supplier()

        assert notes() == []

    def test_has_each_event_that_is_published_after_an_endpoint_was_made(self, make_webhook, make_supplier, make_nc):
        make_supplier()
        make_webhook()
        supplier = make_supplier()
        make_nc(supplier_id=supplier.pk)

        assert notes() == list(OutboxEvent.objects.order_by("id").values_list("id", flat=True))[1:]

    def test_has_events_that_are_published_together(self, make_webhook):
        make_webhook()
        made = OutboxEvent.objects.bulk_create(
            OutboxEvent(event_type="NC_CLOSED", aggregate_type="x", aggregate_id=str(n), payload={}) for n in range(3)
        )

        assert notes() == [event.pk for event in made]

    def test_vanishes_with_the_change_that_is_rolled_back(self, make_webhook, make_supplier):
        make_webhook()

        with pytest.raises(RuntimeError), transaction.atomic():
            make_supplier()
            raise RuntimeError

        assert notes() == []

    def test_costs_the_publisher_no_statement(self, make_webhook, make_nc, make_supplier):
        supplier = make_supplier()
        make_nc(supplier_id=supplier.pk)
        with CaptureQueriesContext(connection) as without:
            make_nc(supplier_id=supplier.pk)
        make_webhook()
        with CaptureQueriesContext(connection) as with_one:
            make_nc(supplier_id=supplier.pk)

        assert len(with_one) == len(without)
        assert len(notes()) == 1

    @pytest.mark.postgres
    def test_keeps_pruning_from_an_event_that_is_still_to_be_spread(self, make_webhook, make_supplier, drain):
        make_webhook()
        make_supplier()
        drain()

        list(prune_processed(older_than_days=-1))
        assert set(notes()) == set(OutboxEvent.objects.values_list("id", flat=True)) != set()
        spread()
        list(prune_processed(older_than_days=-1))

        assert not OutboxEvent.objects.exists()
        assert WebhookDelivery.objects.exists()


class TestSpread:
    def test_makes_a_delivery_for_each_endpoint_that_wants_the_type(self, make_webhook, make_nc):
        every, _ = make_webhook()
        some, _ = make_webhook(event_types=["NC_CREATED"])
        none, _ = make_webhook(event_types=["NC_CLOSED"])
        make_nc()

        assert spread() == len(OutboxEvent.objects.all())

        assert set(every.deliveries.values_list("event_type", flat=True)) >= {"NC_CREATED", "SUPPLIER_CREATED"}
        assert list(some.deliveries.values_list("event_type", flat=True)) == ["NC_CREATED"]
        assert not none.deliveries.exists()
        assert notes() == []
        assert spread() == 0

    def test_tells_of_an_event_what_a_receiver_needs(self, make_webhook, make_nc):
        make_webhook(event_types=["NC_CREATED"])
        nc = make_nc()
        spread()

        event, delivery = OutboxEvent.objects.get(event_type="NC_CREATED"), WebhookDelivery.objects.get()
        assert (delivery.event_id, delivery.sequence, delivery.subject) == (
            event.event_id,
            event.pk,
            f"nonconformity/{nc.pk}",
        )
        content = json.loads(delivery.body)
        assert set(content) == {"type", "timestamp", "data"}
        assert (content["type"], content["data"]) == ("NC_CREATED", event.payload)
        assert content["timestamp"].endswith("Z")

    @pytest.mark.parametrize(
        ("given", "kept"), [("00-ab-cd-01", True), ("a\r\nX: y", False), (7, False), ("a" * 101, False)]
    )
    def test_passes_the_trace_on_if_it_is_a_header(self, make_webhook, make_supplier, given, kept):
        make_webhook()
        make_supplier()
        OutboxEvent.objects.update(headers={"traceparent": given})
        spread()

        assert WebhookDelivery.objects.get().traceparent == (given if kept else "")

    def test_twice_over_the_same_note_makes_one_delivery(self, make_webhook, make_supplier):
        make_webhook()
        make_supplier()
        again = [(each.event, each.lane) for each in Outgoing.objects.filter(channel=CHANNEL)]
        spread()
        Outgoing.objects.bulk_create(
            Outgoing(channel=CHANNEL, lane=lane, key=0, event=event) for event, lane in again
        )  # fmt: skip

        assert spread() == 1

        assert WebhookDelivery.objects.count() == 1

    def test_goes_on_in_the_order_of_publication(self, make_webhook, make_supplier, monkeypatch):
        monkeypatch.setattr("outbox.webhooks.fanout.ROWS_AT_ONCE", 2)
        make_webhook()
        for _ in range(5):
            make_supplier()

        assert [spread() for _ in range(4)] == [2, 2, 1, 0]

        sequences = list(WebhookDelivery.objects.order_by("id").values_list("sequence", flat=True))
        assert sequences == sorted(sequences)

    def test_forgets_what_no_endpoint_wants_any_more(self, make_webhook, make_supplier):
        make_webhook()
        make_supplier()
        WebhookEndpoint.objects.update(status="PAUSED", paused_because="person", paused_at="2026-11-27T08:00:00Z")

        assert spread() == 1

        assert (notes(), WebhookDelivery.objects.count()) == ([], 0)


def test_a_body_is_ascii_whatever_stands_in_it(make_supplier):
    make_supplier(name="Präzision 根 GmbH")

    body = body_of(OutboxEvent.objects.get())

    assert body.isascii()
    assert json.loads(body)["data"]["name"] == "Präzision 根 GmbH"


def test_what_was_published_before_a_pause_waits_although_it_was_spread_after_it(make_webhook, make_supplier, users):
    endpoint, _ = make_webhook()
    other, _ = make_webhook()
    make_supplier()
    change_webhook(webhook_id=endpoint.pk, actor=users["admin"], changes={"is_active": False})
    make_supplier()

    spread()

    assert [endpoint.deliveries.count(), other.deliveries.count()] == [1, 2]


class TestWhileNoRelaySpreads:
    def test_a_new_endpoint_gets_nothing_from_before_it(self, make_webhook, make_supplier):
        make_webhook()
        make_supplier()
        later, _ = make_webhook()
        make_supplier()

        spread()

        assert list(later.deliveries.values_list("sequence", flat=True)) == [OutboxEvent.objects.latest("id").pk]

    def test_a_resumed_endpoint_gets_what_came_before_its_pause_and_after_it(self, make_webhook, make_supplier, users):
        endpoint, _ = make_webhook()
        make_webhook()
        published = []
        for is_active in (True, False, True):
            change_webhook(webhook_id=endpoint.pk, actor=users["admin"], changes={"is_active": is_active})
            make_supplier()
            published.append(OutboxEvent.objects.latest("id").pk)

        spread()

        before, _meanwhile, after = published
        assert list(endpoint.deliveries.order_by("id").values_list("sequence", flat=True)) == [before, after]

    @pytest.mark.parametrize(("first", "then"), [(["NC_CREATED"], ["*"]), (["*"], ["NC_CREATED"])])
    def test_an_endpoint_gets_what_it_wanted_when_that_was_published(
        self, make_webhook, make_supplier, users, first, then
    ):
        endpoint, _ = make_webhook(event_types=first)
        make_supplier()
        change_webhook(webhook_id=endpoint.pk, actor=users["admin"], changes={"event_types": then})
        make_supplier()

        spread()

        wanted = OutboxEvent.objects.earliest("id") if first == ["*"] else OutboxEvent.objects.latest("id")
        assert list(endpoint.deliveries.values_list("sequence", flat=True)) == [wanted.pk]

    @pytest.mark.parametrize("known", [(7, None), (0, 7)])
    def test_one_that_a_former_version_has_paused_or_resumed_misses_nothing(
        self, make_webhook, make_supplier, users, known
    ):
        """It does not note what is skipped: what it has left there is not believed."""
        endpoint, _ = make_webhook()
        make_supplier()
        change_webhook(webhook_id=endpoint.pk, actor=users["admin"], changes={"is_active": False})
        status = {"status": "ACTIVE", "paused_because": "", "paused_at": None} if known[1] is None else {}
        WebhookEndpoint.objects.update(skips_after=known[0], skips_until=known[1], **status)

        spread()

        assert endpoint.deliveries.count() == 1


def test_an_endpoint_that_is_made_while_events_are_spread_misses_none_after_it(make_webhook, make_supplier):
    make_webhook()
    make_supplier()
    late = []

    def make_one_between(execute, sql, params, many, context):
        rows = execute(sql, params, many, context)
        if not late and sql.startswith("SELECT") and "webhooks_webhookendpoint" in sql:
            late.append(None)
            late.append(make_webhook()[0])
            make_supplier()
        return rows

    with connection.execute_wrapper(make_one_between):
        spread()
    spread()

    assert late[1].deliveries.count() >= 1
