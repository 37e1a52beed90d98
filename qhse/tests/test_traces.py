"""One trace leads from a request through its statements and its event to what the worker's handlers make of it."""

from __future__ import annotations

import json
import logging
import select
import time
from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from ncs.models import NonConformity
from outbox.models import OutboxEvent
from outbox.outgoing import LANES
from outbox.relay.couriers import BrokerCourier
from outbox.relay.port import Outcome
from outbox.testing import drain, isolated_registry
from outbox.webhooks import requests
from outbox.webhooks.calling import Answer
from outbox.webhooks.signing import new_secret
from outbox.webhooks.targets import target_of
from qhse import tracing
from qhse.observability.addresses import UNIX
from qhse.observability.logs import JsonFormatter
from qhse.tracing.tests.collector import Collector, Seen
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db(transaction=True)

ENOUGH = 30.0  # seconds, for what should come at once
SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
FOREIGN = f"00-{TRACE}-00f067aa0ba902b7-01"
DESCRIPTION = "Lot 4711: bore of Anna Weiss"

Spans = Callable[[], list[Seen]]


@pytest.fixture
def spans(settings) -> Iterator[Spans]:
    """Record every request. Called, it ends the recording and returns what a collector got."""
    with Collector() as collector:
        settings.OTEL_EXPORTER_OTLP_ENDPOINT, settings.OTEL_EXPORTER_OTLP_HEADERS = collector.url, {}
        settings.OTEL_TRACES_SAMPLER_ARG = 1.0
        tracing.start("qhse-test")

        def seen() -> list[Seen]:
            tracing.stop(ENOUGH)
            return collector.spans

        yield seen
        tracing.stop(ENOUGH)


@pytest.fixture
def supplier(make_supplier) -> Supplier:
    """A supplier whose own events are out of the way."""
    made = make_supplier()
    drain()
    return made


def named(spans: list[Seen], name: str) -> Seen:
    (found,) = [each for each in spans if each.name == name]
    return found


def open_case(client, supplier, **headers):
    body = {"supplier_id": supplier.pk, "severity": "high", "description": DESCRIPTION}
    answer = client.post("/ncs", body, format="json", **headers)
    assert answer.status_code == 201, answer.content
    return answer


class ToNobody:
    """A broker that takes everything."""

    name = "nobody"

    def publish(self, messages, outcome=None):
        outcome = outcome or Outcome()
        outcome.taken += [message.row for message in messages]
        return outcome

    def wait(self, seconds, wake):
        select.select(wake, [], [], seconds)

    def close(self): ...


@pytest.mark.postgres
class TestRelay:
    def test_goes_on_with_the_trace_of_an_event_to_the_broker(self, spans, api, supplier, settings):
        settings.BROKER_URL = "amqp://broker.example.com"
        open_case(api("quality"), supplier)
        courier = BrokerCourier(ToNobody())
        courier.turn(frozenset(range(LANES)))
        courier.stop(time.monotonic() + ENOUGH)
        seen = spans()
        (announced,) = [each for each in seen if each.kind == PRODUCER and "NC_CREATED" in each.name]
        (sent,) = [each for each in seen if each.name == "send to nobody" and each.kind == CONSUMER]
        assert (sent.trace, sent.parent) == (announced.trace, announced.id)


class TestWebhook:
    def test_goes_on_with_the_trace_of_an_event_and_hands_it_to_the_receiver(self, spans, monkeypatch):
        told = []
        target = target_of("https://example.com/hooks", strict=True, allowed=())

        def refused(target, headers, body, **bounds):
            told.append(headers["traceparent"])
            return Answer(500, "no")

        monkeypatch.setattr(requests, "call", refused)
        requests.send(
            requests.Request(1, 2, 0, "", target, "an-id", b"{}", {"traceparent": FOREIGN}, (new_secret(),), ())
        )
        called = named(spans(), "call webhook")
        assert (called.trace.hex(), called.parent.hex()) == tuple(FOREIGN.split("-")[1:3])
        assert called.kind == CLIENT and called.has_failed
        assert told == [f"00-{TRACE}-{called.id.hex()}-01"]


class TestTrace:
    def test_leads_from_the_request_to_the_handler_and_to_what_that_publishes(self, spans, api, supplier):
        open_case(api("quality"), supplier, HTTP_X_REQUEST_ID="walk-7")
        drain()

        seen = spans()
        request = named(seen, "POST ncs")
        published = named(seen, "publish NC_CREATED")
        (handled,) = [
            each for each in seen if each.name == "handle suppliers.reassess_risk" and each.parent == published.id
        ]
        batch = next(each for each in seen if each.place in handled.links)
        event = OutboxEvent.objects.get(event_type="NC_CREATED")
        assert (request.kind, request.parent, request.has_failed) == (SERVER, b"", False)
        assert request.attributes == {
            "http.request.method": "POST", "http.route": "ncs", "http.response.status_code": 201,
            "qhse.request_id": "walk-7",
        }  # fmt: skip
        assert (published.kind, published.trace, published.parent) == (PRODUCER, request.trace, request.id)
        assert (handled.kind, handled.trace) == (CONSUMER, request.trace)
        assert handled.attributes == {
            "messaging.message.id": str(event.event_id), "qhse.event_type": "NC_CREATED",
            "qhse.aggregate_type": "nonconformity", "qhse.attempts": 0,
        }  # fmt: skip
        assert (batch.name, batch.links) == ("outbox batch", (published.place,))
        # The handler has told the new level, and that goes on in the same trace.
        told = named(seen, "publish SUPPLIER_RISK_CHANGED")
        assert (told.trace, told.parent) == (request.trace, handled.id)

    def test_names_each_statement_and_the_commit(self, spans, api, supplier):
        open_case(api("quality"), supplier)

        seen = spans()
        request = named(seen, "POST ncs")
        statements = [each for each in seen if each.parent == request.id and each.kind == CLIENT]
        names = [each.name for each in statements]
        inserted = named(seen, "INSERT ncs_nonconformity")
        assert {"INSERT audit_auditentry", "INSERT outbox_outboxevent", "UPDATE suppliers_supplier"} <= set(names)
        assert names[-1] == "COMMIT" or "COMMIT" in names
        assert inserted.attributes["db.system.name"] == connection.vendor
        assert inserted.attributes["db.operation.name"] == "INSERT"
        assert inserted.attributes["db.collection.name"] == "ncs_nonconformity"
        assert inserted.attributes["db.query.text"].startswith('INSERT INTO "ncs_nonconformity"')

    def test_holds_nothing_that_people_wrote(self, spans, api, supplier):
        client = api("quality")
        nc_id = open_case(client, supplier).json()["id"]
        client.get(f"/ncs/{nc_id}")
        client.get("/ncs", {"q": "Anna Weiss", "supplier_id": supplier.pk})
        with connection.cursor() as cursor, tracing.request(None):
            cursor.execute("SELECT 'Anna ''Weiss' AS name, 4711 AS lot")
        drain()

        told = repr(spans())
        assert "SELECT ? AS name, ? AS lot" in told
        for secret in ("Anna", "Weiss", "4711", supplier.name, f"ncs/{nc_id}", "Bearer"):
            assert secret not in told

    def test_that_fails_says_so(self, spans, api, supplier, client):
        nc = NonConformity.objects.get(pk=open_case(api("quality"), supplier).json()["id"])
        with isolated_registry():
            from ncs.events import NonConformityOpened
            from outbox.registry import handles

            @handles(NonConformityOpened, name="test.fails")
            def fail(delivery) -> None:
                raise ValueError(f"{nc.description}")

            drain(raise_errors=False)

        seen = spans()
        failed = [each for each in seen if each.name == "handle test.fails"]
        assert failed and all(each.has_failed and each.attributes["error.type"] == "ValueError" for each in failed)
        assert "Anna" not in repr(seen)

    def test_of_several_requests_in_one_batch_stay_apart_and_the_batch_links_to_all(self, spans, api, make_supplier):
        suppliers = [make_supplier() for _ in range(3)]
        drain()
        for each in suppliers:
            open_case(api("quality"), each)
        drain()

        seen = spans()
        requests = [each for each in seen if each.name == "POST ncs"]
        published = [each for each in seen if each.name == "publish NC_CREATED"]
        handled = [
            each for each in seen
            if each.name == "handle suppliers.reassess_risk" and each.parent in {event.id for event in published}
        ]  # fmt: skip
        batch = next(each for each in seen if each.name == "outbox batch")
        assert len({each.trace for each in requests}) == len(handled) == 3
        assert {each.trace for each in handled} == {each.trace for each in requests}
        assert set(batch.links) == {each.place for each in published}
        # The call's statements are recorded once, in the trace of the batch.
        (call,) = {link for each in handled for link in each.links}
        assert next(each for each in seen if each.place == call).parent == batch.id
        assert [each for each in seen if each.parent == call[1] and each.kind == CLIENT]

    def test_begins_with_the_share_of_requests_that_the_setting_says(self, spans, api, supplier, settings):
        settings.OTEL_TRACES_SAMPLER_ARG = 0.0
        open_case(api("quality"), supplier)
        drain()

        assert spans() == []
        assert "traceparent" not in OutboxEvent.objects.get(event_type="NC_CREATED").headers

    @pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
    def test_is_not_begun_by_probes(self, spans, client, path):
        client.get(path)

        assert spans() == []


class TestTraceOfACaller:
    def test_is_continued_if_a_trusted_proxy_says_it(self, spans, api, supplier, settings):
        settings.TRUSTED_PROXIES = [UNIX]
        open_case(api("quality"), supplier, REMOTE_ADDR="", HTTP_TRACEPARENT=FOREIGN)

        assert named(spans(), "POST ncs").trace.hex() == TRACE

    def test_is_nobodys_business_but_that_of_a_trusted_proxy(self, spans, api, supplier):
        open_case(api("quality"), supplier, HTTP_TRACEPARENT=FOREIGN)

        assert named(spans(), "POST ncs").trace.hex() != TRACE

    def test_of_a_stranger_records_nothing_at_a_share_of_nothing(self, spans, api, supplier, settings):
        settings.OTEL_TRACES_SAMPLER_ARG = 0.0
        open_case(api("quality"), supplier, HTTP_TRACEPARENT=FOREIGN)

        assert spans() == []


class TestEvent:
    def test_carries_the_trace_of_its_publication(self, spans, api, supplier):
        open_case(api("quality"), supplier)

        headers = OutboxEvent.objects.get(event_type="NC_CREATED").headers
        published = named(spans(), "publish NC_CREATED")
        assert headers.get("traceparent") == f"00-{published.trace.hex()}-{published.id.hex()}-01"
        assert set(headers) == {"request_id", "actor", "traceparent"}

    def test_carries_nothing_when_tracing_is_off(self, api, supplier):
        open_case(api("quality"), supplier)

        assert set(OutboxEvent.objects.get(event_type="NC_CREATED").headers) == {"request_id", "actor"}

    def test_with_rubbish_in_its_headers_is_handled(self, spans, api, supplier):
        open_case(api("quality"), supplier)
        OutboxEvent.objects.filter(event_type="NC_CREATED").update(headers={"traceparent": {"a": ["b"]}})

        assert drain().processed >= 1
        assert "handle suppliers.reassess_risk" not in {each.name for each in spans()}


class TestLogLines:
    @pytest.fixture
    def lines(self, caplog) -> Callable[[], list[dict[str, object]]]:
        formatter, written = JsonFormatter(), []

        class Written(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                written.append(json.loads(formatter.format(record)))

        handler = Written()
        logger = logging.getLogger("qhse.request")
        logger.addHandler(handler)
        caplog.set_level(logging.INFO, logger="qhse.request")
        yield lambda: written
        logger.removeHandler(handler)

    def test_of_a_recorded_request_have_its_trace(self, lines, spans, api, supplier):
        api("quality").get(f"/suppliers/{supplier.pk}")

        assert lines()[-1].get("trace_id") == next(each for each in spans() if each.kind == SERVER).trace.hex()

    def test_have_none_when_tracing_is_off(self, lines, api, supplier):
        api("quality").get(f"/suppliers/{supplier.pk}")

        assert "trace_id" not in lines()[-1]


class TestCollectorThatIsAway:
    def test_harms_no_request_and_no_handler(self, settings, api, supplier):
        settings.OTEL_EXPORTER_OTLP_ENDPOINT, settings.OTEL_EXPORTER_OTLP_HEADERS = "http://127.0.0.1:1", {}
        settings.OTEL_TRACES_SAMPLER_ARG = 1.0
        tracing.start("qhse-test")
        try:
            open_case(api("quality"), supplier)
            drain()
        finally:
            tracing.stop()

        assert not OutboxEvent.objects.pending().exists()
