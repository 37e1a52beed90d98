"""The risk follows the events, whatever they say of the past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from audit.models import AuditEntry
from outbox.models import ProcessedEvent
from outbox.registry import Delivery, handlers_of
from outbox.testing import assert_published, assert_publishes_nothing, published
from qhse.observability import context
from suppliers.choices import RiskLevel
from suppliers.events import SupplierCertificationUpdated, SupplierCreated, SupplierRiskChanged
from suppliers.handlers import REASSESS_RISK, reassess_risk
from suppliers.models import Supplier
from suppliers.services import update_certification

pytestmark = pytest.mark.django_db


def yesterday():
    return timezone.now().date() - timedelta(days=1)


def delivery_of(event, request_id=""):
    return Delivery(event, uuid4(), request_id, datetime(2026, 11, 23, 8, tzinfo=UTC))


class TestReassessRisk:
    @pytest.mark.parametrize("event_class", [SupplierCreated, SupplierCertificationUpdated])
    def test_is_called_for_what_can_change_the_risk(self, event_class):
        assert REASSESS_RISK in [handler.name for handler in handlers_of(event_class.event_type)]

    def test_is_not_called_for_its_own_conclusion(self):
        assert handlers_of(SupplierRiskChanged.event_type) == ()

    def test_assesses_a_new_supplier(self, make_supplier, drain):
        make_supplier(certification_expiry=yesterday())

        drain()

        assert Supplier.objects.get().risk_level == RiskLevel.HIGH
        assert_published(SupplierRiskChanged, new_level="high")

    def test_assesses_a_supplier_whose_certification_is_renewed(self, users, make_supplier, drain):
        supplier = make_supplier(certification_expiry=yesterday())
        drain()
        renewed = yesterday() + timedelta(days=365)
        update_certification(supplier_id=supplier.pk, certification_expiry=renewed, actor=users["procurement"])

        drain()

        assert Supplier.objects.get().risk_level == RiskLevel.LOW
        assert [event.payload["new_level"] for event in published(SupplierRiskChanged)] == ["high", "low"]

    def test_assesses_a_supplier_once_for_all_events_of_a_batch(self, users, make_supplier, drain):
        supplier = make_supplier()
        for days in (10, 1, 0):  # each event tells of a state that is past when it is handled
            update_certification(
                supplier_id=supplier.pk,
                certification_expiry=yesterday() - timedelta(days=days),
                actor=users["procurement"],
            )

        drain()

        assert_published(SupplierRiskChanged, supplier_id=supplier.pk)
        assert ProcessedEvent.objects.filter(handler=REASSESS_RISK).count() == 4

    def test_records_as_its_cause_the_request_that_published_the_event(self, make_supplier, drain):
        with context.use(request_id="purchase-4711", source="api"):
            make_supplier(certification_expiry=yesterday())

        drain()

        entry = AuditEntry.objects.get(action="SUPPLIER_RISK_CHANGED")
        assert (entry.actor, entry.source, entry.request_id) == ("system", "worker", "purchase-4711")
        assert assert_published(SupplierRiskChanged).headers["request_id"] == "purchase-4711"

    def test_given_an_event_late_or_twice_concludes_what_is_true_now(self, make_supplier, drain):
        supplier = make_supplier(certification_expiry=yesterday())
        drain()
        late = SupplierCertificationUpdated(supplier_id=supplier.pk, certification_expiry=None, previous="2019-12-31")

        with assert_publishes_nothing():
            reassess_risk([delivery_of(late), delivery_of(late)])

        assert Supplier.objects.get().risk_level == RiskLevel.HIGH

    def test_passes_over_a_supplier_that_is_not_there(self):
        reassess_risk([delivery_of(SupplierCreated(supplier_id=4711, name="Hansa Forge"))])

        assert not AuditEntry.objects.filter(action="SUPPLIER_RISK_CHANGED").exists()
