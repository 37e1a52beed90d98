"""Demo data comes through the services, so it looks and counts like what people record."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import AuditEntry
from ncs.demo import ensure_demo_users, seed_nonconformities, seed_suppliers
from ncs.models import NonConformity
from outbox.models import OutboxEvent
from qhse.accounts.models import User
from qhse.accounts.roles import Role
from suppliers.choices import Severity
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db


@pytest.fixture
def buyer(users):
    return users["procurement"]


class TestEnsureDemoUsers:
    def test_makes_one_of_each_role_whose_password_is_its_name(self):
        made = ensure_demo_users()

        assert list(made) == list(Role)
        for role, user in made.items():
            assert (user.username, user.role, user.is_staff) == (role.value, role, True)
            assert user.check_password(role.value)

    def test_leaves_those_who_are_there_as_they_are(self, users):
        found = ensure_demo_users()

        assert found == {Role(name): user for name, user in users.items()}
        assert User.objects.count() == 4
        assert users["quality"].check_password("correct-horse-quality")


class TestSeedSuppliers:
    def test_makes_as_many_as_asked_each_with_entry_and_event(self, buyer):
        made = list(seed_suppliers(12, actor=buyer))

        assert len({supplier.name_key for supplier in made}) == Supplier.objects.count() == 12
        assert AuditEntry.objects.filter(action="SUPPLIER_CREATED", actor="procurement").count() == 12
        assert OutboxEvent.objects.filter(event_type="SUPPLIER_CREATED").count() == 12

    def test_makes_new_ones_at_every_call(self, buyer):
        for _ in range(3):
            assert len(list(seed_suppliers(4, actor=buyer))) == 4

        assert Supplier.objects.count() == 12

    def test_makes_the_same_ones_in_every_empty_database(self, buyer):
        first = [supplier.name for supplier in seed_suppliers(8, actor=buyer)]
        Supplier.objects.all().delete()

        assert [supplier.name for supplier in seed_suppliers(8, actor=buyer)] == first

    def test_shows_every_state_of_a_certification(self, buyer):
        today = timezone.now().date()

        list(seed_suppliers(60, actor=buyer))

        assert Supplier.objects.expired(today=today).exists()
        assert Supplier.objects.expiring(today=today).exists()
        assert Supplier.objects.filter(certification_expiry__gt=today + timedelta(days=90)).exists()
        assert Supplier.objects.filter(certification_expiry=None).exists()


class TestSeedNonconformities:
    @pytest.fixture(autouse=True)
    def seeded(self, users, buyer):
        list(seed_suppliers(5, actor=buyer))
        assert len(list(seed_nonconformities(60, actor=users["quality"]))) == 60

    def test_opens_all_severities_and_closes_most_with_a_reason(self):
        assert set(NonConformity.objects.values_list("severity", flat=True)) == set(Severity.values)
        assert 30 < NonConformity.objects.filter(status="CLOSED").count() < 60
        assert not NonConformity.objects.filter(status="CLOSED", closure_reason="").exists()

    def test_fills_in_every_number_of_a_finding(self):
        descriptions = list(NonConformity.objects.values_list("description", flat=True))

        assert not [text for text in descriptions if "{" in text or "}" in text]

    def test_keeps_the_counts_on_the_suppliers_exact(self):
        for supplier in Supplier.objects.all():
            ncs = NonConformity.objects.filter(supplier=supplier)
            assert (supplier.nc_total, supplier.nc_open) == (ncs.count(), ncs.open().count())
            assert supplier.nc_open_high == ncs.open().filter(severity=Severity.HIGH).count()
