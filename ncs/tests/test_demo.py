"""Demo data comes through the services, so it looks and counts like what people record."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from audit.models import AuditEntry
from audit.proof.sealing import seal_new_entries
from audit.proof.verification import Verification
from ncs.demo import OLDEST_OPEN_DAYS, ensure_demo_users, seed_nonconformities
from ncs.models import NonConformity
from outbox.models import OutboxEvent
from qhse.accounts.models import User
from qhse.accounts.roles import Role
from suppliers.choices import Severity
from suppliers.demo import DAYS, date_back, seed_suppliers
from suppliers.models import Supplier

pytestmark = [pytest.mark.django_db, pytest.mark.once]


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

    def test_spreads_them_over_eighteen_months_none_in_the_future(self):
        now = timezone.now()
        ages = [(now - nc.created_at).days for nc in NonConformity.objects.all()]

        assert min(ages) >= 0
        assert max(ages) <= DAYS + 3
        assert {age // 100 for age in ages} >= {0, 1, 2, 3, 4}

    def test_closes_each_after_it_was_opened_and_not_in_the_future(self):
        for nc in NonConformity.objects.exclude(closed_at=None):
            assert nc.created_at < nc.closed_at <= timezone.now()

    def test_is_the_work_of_working_days_and_goes_on_today(self):
        *others, newest = NonConformity.objects.order_by("created_at").values_list("created_at", flat=True)

        assert (timezone.now() - newest).total_seconds() < 3 * 3600
        assert {time.weekday() for time in others} <= {0, 1, 2, 3, 4}
        assert {time.hour for time in others} <= set(range(5, 17))

    def test_numbers_follow_the_time(self):
        times = list(NonConformity.objects.order_by("pk").values_list("created_at", flat=True))

        assert times == sorted(times)

    def test_leaves_open_ones_of_several_ages_and_none_for_years(self):
        ages = [(timezone.now() - nc.created_at).days for nc in NonConformity.objects.open()]

        assert len(set(ages)) > 3
        assert max(ages) <= OLDEST_OPEN_DAYS + 3

    def test_knows_each_supplier_before_its_first_nc(self):
        for nc in NonConformity.objects.select_related("supplier"):
            assert nc.supplier.created_at < nc.created_at

    def test_the_trail_says_what_happened_when_and_what_was_dated_back(self):
        nc = NonConformity.objects.earliest("pk")

        entries = {entry.action: entry for entry in AuditEntry.objects.about("nonconformity", nc.pk)}

        assert (timezone.now() - entries["NC_CREATED"].created_at).days == 0
        dated = entries["DEMO_DATED_BACK"]
        assert (dated.actor, dated.changes["created_at"][1]) == ("system", nc.created_at.isoformat())

    def test_the_trail_stays_good(self):
        seal_new_entries()

        assert list(Verification().run()) == []


class TestDateBack:
    def test_is_refused_in_production(self, settings, make_nc):
        nc = make_nc()
        settings.PRODUCTION = True

        with pytest.raises(ImproperlyConfigured):
            date_back("nonconformity", [(nc, {"created_at": timezone.now() - timedelta(days=9)})])

        assert NonConformity.objects.get().created_at == nc.created_at
