"""An event exists if and only if its change does."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.db import transaction

from outbox import publisher
from outbox.errors import PayloadTooLarge, PublishedOutsideTransaction
from outbox.models import OutboxEvent
from outbox.publisher import publish
from outbox.tests.gauges import GaugeCalibrated
from qhse.observability import context


class TestPublish:
    @pytest.mark.django_db(transaction=True)
    def test_publishing_outside_a_transaction_is_refused(self):
        with pytest.raises(PublishedOutsideTransaction):
            publish(GaugeCalibrated(gauge_id=1), actor=None)

        assert not OutboxEvent.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_an_event_goes_with_the_transaction_that_is_rolled_back(self):
        with pytest.raises(RuntimeError), transaction.atomic():
            publish(GaugeCalibrated(gauge_id=1), actor=None)
            raise RuntimeError

        assert not OutboxEvent.objects.exists()

    @pytest.mark.django_db
    def test_an_event_is_stored_with_what_explains_it(self, users):
        with context.use(request_id="req-7", source="api"):
            event = publish(GaugeCalibrated(gauge_id=5, reading=3), actor=users["quality"])

        stored = OutboxEvent.objects.get(pk=event.pk)
        assert (stored.event_type, stored.schema_version) == ("TEST_GAUGE_CALIBRATED", 1)
        assert (stored.aggregate_type, stored.aggregate_id) == ("gauge", "5")
        assert stored.payload == {"gauge_id": 5, "reading": 3}
        assert stored.headers == {"request_id": "req-7", "actor": "quality"}
        assert (stored.status, stored.attempts, stored.event_id.version) == ("PENDING", 0, 7)

    @pytest.mark.django_db
    def test_a_payload_over_the_limit_is_refused(self, monkeypatch):
        monkeypatch.setattr(publisher, "MAX_PAYLOAD_BYTES", len('{"gauge_id": 1, "reading": 0}'))
        publish(GaugeCalibrated(gauge_id=1), actor=None)

        with pytest.raises(PayloadTooLarge):
            publish(GaugeCalibrated(gauge_id=10), actor=None)

        assert OutboxEvent.objects.count() == 1

    @pytest.mark.django_db
    def test_an_event_whose_class_nobody_registered_is_refused(self):
        @dataclass(frozen=True, kw_only=True)
        class Stray(GaugeCalibrated):
            event_type = "TEST_STRAY"

        with transaction.atomic(), pytest.raises(TypeError, match="not registered as TEST_STRAY"):
            publish(Stray(gauge_id=1), actor=None)

        assert not OutboxEvent.objects.exists()
