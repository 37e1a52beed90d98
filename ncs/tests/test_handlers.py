"""The supplier's risk follows the events of its NCs."""

from __future__ import annotations

import pytest

from audit.models import AuditEntry
from ncs.events import NonConformityClosed, NonConformityOpened
from ncs.services import close_nonconformity
from outbox.registry import handlers_of
from outbox.testing import assert_published, published
from qhse.observability import context
from suppliers.choices import RiskLevel
from suppliers.events import SupplierRiskChanged
from suppliers.handlers import REASSESS_RISK
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db


class TestReassessRisk:
    @pytest.mark.parametrize("event_class", [NonConformityOpened, NonConformityClosed])
    def test_is_called_for_both_events_of_an_nc(self, event_class):
        assert [handler.name for handler in handlers_of(event_class.event_type)] == [REASSESS_RISK]

    def test_raises_the_level_when_an_nc_of_severity_high_is_opened(self, make_nc, drain):
        nc = make_nc(severity="high")

        drain()

        assert Supplier.objects.get().risk_level == RiskLevel.HIGH
        assert_published(SupplierRiskChanged, supplier_id=nc.supplier_id, old_level="low", new_level="high")

    def test_takes_the_level_back_when_it_is_closed(self, users, make_nc, drain):
        nc = make_nc(severity="high")
        drain()
        close_nonconformity(nc_id=nc.pk, actor=users["quality"])

        drain()

        assert Supplier.objects.get().risk_level == RiskLevel.LOW
        assert [event.payload["new_level"] for event in published(SupplierRiskChanged)] == ["high", "low"]

    def test_says_nothing_of_an_nc_that_was_opened_and_closed_before_the_worker_came(self, users, make_nc, drain):
        nc = make_nc(severity="high")
        close_nonconformity(nc_id=nc.pk, actor=users["quality"])

        drain()

        assert published(SupplierRiskChanged) == []
        assert Supplier.objects.get().risk_assessed_at is not None

    def test_records_as_its_cause_the_request_that_opened_the_nc(self, make_supplier, make_nc, drain):
        supplier = make_supplier()
        drain()
        with context.use(request_id="goods-in-4711", source="api"):
            make_nc(supplier_id=supplier.pk, severity="high")

        drain()

        entry = AuditEntry.objects.get(action="SUPPLIER_RISK_CHANGED")
        assert (entry.actor, entry.source, entry.request_id) == ("system", "worker", "goods-in-4711")
