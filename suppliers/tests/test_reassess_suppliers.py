"""`manage.py reassess_suppliers`: certifications also end on days on which nothing else happens."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from audit.models import AuditEntry
from outbox.testing import assert_publishes_nothing, published
from suppliers.choices import RiskLevel
from suppliers.events import SupplierRiskChanged
from suppliers.management.commands import reassess_suppliers
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db


def run():
    """Run the command and return what it printed."""
    printed = io.StringIO()
    call_command("reassess_suppliers", stdout=printed)
    return printed.getvalue().strip()


@pytest.fixture
def overnight(make_supplier, drain):
    """Three assessed suppliers, of which one certification has ended since."""
    ended, *_ = [make_supplier(certification_expiry=timezone.now().date() + timedelta(days=400)) for _ in range(3)]
    drain()
    Supplier.objects.filter(pk=ended.pk).update(certification_expiry=timezone.now().date() - timedelta(days=1))
    return ended


class TestReassessSuppliersCommand:
    def test_finds_the_certification_that_ended_overnight(self, overnight):
        assert run() == "3 suppliers assessed, 1 changed their level"

        overnight.refresh_from_db()
        assert overnight.risk_level == RiskLevel.HIGH
        assert [event.aggregate_id for event in published(SupplierRiskChanged)] == [str(overnight.pk)]

    def test_is_recorded_as_done_by_the_system_at_the_command_line(self, overnight):
        run()

        entry = AuditEntry.objects.get(action="SUPPLIER_RISK_CHANGED")
        assert (entry.actor, entry.source) == ("system", "command")

    def test_may_be_repeated(self, overnight):
        run()

        with assert_publishes_nothing():
            assert run() == "3 suppliers assessed, 0 changed their level"

    def test_takes_a_few_at_a_time_and_leaves_none_out(self, overnight, monkeypatch):
        monkeypatch.setattr(reassess_suppliers, "CHUNK", 2)
        Supplier.objects.update(risk_assessed_at=None)

        assert run() == "3 suppliers assessed, 1 changed their level"

        assert not Supplier.objects.filter(risk_assessed_at=None).exists()

    def test_has_nothing_to_do_where_there_are_no_suppliers(self):
        assert run() == "0 suppliers assessed, 0 changed their level"
