"""The demo as a whole: forty suppliers in every state, a past that adds up, and nothing twice."""

from __future__ import annotations

import io
from collections import Counter
from datetime import timedelta

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import transaction
from django.db.models import Sum

from audit.models import AuditEntry
from kpi.demo.movements import retell_movements
from kpi.models import MOVEMENTS, FiguresBegin, SummedDay, SupplierMovement
from kpi.quality import quality_figures
from ncs.demo import ensure_demo_users, seed_nonconformities, seed_risk_history
from ncs.demo.days import days_of, figures_on
from ncs.models import NonConformity
from qhse import clock
from qhse.accounts.roles import Role
from suppliers.choices import CertificateStatus, Criticality, RiskLevel, SupplierStatus
from suppliers.demo import DAYS, People, Plant, seed_standing, seed_suppliers
from suppliers.figures import figures_of
from suppliers.models import Certificate, RiskAssessment, Supplier, SupplierVolume
from suppliers.reassessment import reassess_suppliers
from suppliers.risk import assess
from suppliers.selectors import scores_by_month

pytestmark = pytest.mark.once


def run():
    """Seed, and return what was said."""
    printed = io.StringIO()
    call_command("seed_demo", stdout=printed)
    return printed.getvalue().strip()


@pytest.fixture(scope="module")
def seeded(django_db_setup, django_db_blocker):
    """Seed once for all tests of the whole: it takes some seconds."""
    with django_db_blocker.unblock(), transaction.atomic():
        run()
        yield
        transaction.set_rollback(True)


@pytest.fixture
def suppliers(seeded):
    return list(Supplier.objects.standing())


@pytest.fixture
def certificates(seeded):
    return Certificate.objects.all()


class TestTheSuppliers:
    def test_are_forty_of_three_plants(self, suppliers):
        assert len(suppliers) == 40
        assert {each.external_ref[:3] for each in suppliers} == {plant.prefix for plant in Plant}
        found = NonConformity.objects.values_list("supplier__external_ref", "description")
        plants = {plant.prefix: f"Found at the {plant} plant" for plant in Plant}
        assert all(plants[reference[:3]] in text for reference, text in found)
        assert len({reference[:3] for reference, _ in found}) == 3

    def test_have_every_status_level_and_criticality(self, suppliers):
        assert {each.status for each in suppliers} == set(SupplierStatus.values)
        assert {each.computed_level for each in suppliers} == set(RiskLevel)
        assert {each.criticality for each in suppliers} == set(Criticality.values)
        assert len({each.category for each in suppliers}) == 5
        assert len({each.country for each in suppliers}) > 10

    def test_have_twenty_scores_at_least_whose_lines_add_up(self, suppliers):
        assert len({each.score for each in suppliers}) >= 20
        assert all(sum(line.points for line in each.lines) == each.score for each in suppliers)

    def test_are_reviewed_one_of_them_late(self, suppliers):
        assert len([each for each in suppliers if each.next_review_on]) > 30
        assert Supplier.objects.standing().review_due(today=clock.today()).count() == 1

    def test_one_was_recorded_twice_and_is_merged(self, seeded):
        twice = Supplier.objects.get(merged_into__isnull=False)

        assert twice.merged_into.name == "Rhein Coatings GmbH"

    def test_one_has_an_override_that_runs_with_reason_and_end(self, suppliers):
        (overridden,) = [each for each in suppliers if each.override_in_force]

        assert overridden.override.reason and overridden.override.until > clock.today()
        assert overridden.level != overridden.computed_level


class TestTheCertificates:
    def test_have_every_status(self, certificates):
        assert set(certificates.values_list("status", flat=True)) == set(CertificateStatus.values)

    @pytest.mark.parametrize(("first", "last"), [(0, 6), (8, 29), (31, 59), (61, 89)])
    def test_end_soon_of_each_threshold(self, certificates, first, last):
        today = clock.today()
        within = (today + timedelta(days=first), today + timedelta(days=last))

        assert certificates.current().filter(valid_to__range=within).exists()

    def test_are_expired_missing_and_on_a_superseded_edition(self, certificates, suppliers):
        assert certificates.expired(today=clock.today()).filter(supplier__required_standards__0__isnull=False).exists()
        assert certificates.on_superseded_edition().filter(standard="iso_14001", edition="2015").exists()
        assert [each for each in suppliers if each.cert_missing]


class TestTheDeliveries:
    def test_are_of_eighteen_months_for_most(self, seeded):
        months = Counter(SupplierVolume.objects.values_list("supplier", flat=True))

        assert len([number for number in months.values() if number == 18]) > 20
        assert len([number for number in months.values() if number < 18]) > 3

    def test_are_too_few_for_a_figure_at_some(self, seeded):
        assert {row.ppm is None for row in SupplierVolume.objects.all()} == {True, False}


class TestThePast:
    def test_has_scores_of_twelve_months_that_move(self, seeded):
        troubled = Supplier.objects.get(name="Lombarda Castings S.p.A.")
        scores = [each.score for each in scores_by_month(troubled.pk)]

        assert None not in scores
        assert len(set(scores)) > 5

    def test_ends_with_what_stands_on_the_supplier(self, suppliers):
        for supplier in suppliers:
            newest = RiskAssessment.objects.filter(supplier=supplier).latest("id")
            assert (newest.score, newest.level) == (supplier.risk_score, supplier.risk_level)
            assert newest.day == clock.today()

    def test_can_be_asked_of(self, seeded):
        then = quality_figures(as_of=clock.today() - timedelta(days=200))

        assert then.open["n"] > 0
        assert then.suppliers["n"] > 30
        assert then.certificates["n"] > 20
        assert then.ppm["last_12_months"]["received"] > 0
        assert then.exact_since == clock.today()


class TestASecondRun:
    def test_changes_nothing(self, seeded):
        before = rows()

        assert run() == "the demo data is there already, nothing seeded"
        assert rows() == before


def rows():
    """Return how many rows there are, and the newest of each table."""
    tables = [model for model in apps.get_models() if model._meta.managed]
    return {
        model._meta.label: (
            model._default_manager.count(),
            model._default_manager.order_by("pk").values_list("pk").last(),
        )
        for model in tables
    }


@pytest.fixture
def told(db):
    """A beginning of the cast with its cases, before its movements are told again."""
    users = ensure_demo_users()
    people = People(buyer=users[Role.PROCUREMENT], quality=users[Role.QUALITY], admin=users[Role.ADMIN])
    pasts = list(seed_standing(list(seed_suppliers(6, actor=people.buyer)), people=people))
    list(seed_nonconformities(30, actor=people.quality))
    seed_risk_history(pasts)
    reassess_suppliers(supplier_ids=[past.supplier_id for past in pasts])
    return pasts


class TestTheRiskOfADay:
    def test_is_that_of_the_product_today(self, told):
        today = clock.today()
        days = days_of(past.supplier_id for past in told)
        gathered = figures_of(Supplier.objects.filter(merged_into=None), today=today)

        for past in told:
            made_up = figures_on(today, past, days[past.supplier_id])
            assert assess(made_up, today=today) == assess(gathered[past.supplier_id], today=today)

    def test_is_told_for_eighteen_months_in_order(self, told):
        known = list(RiskAssessment.objects.filter(supplier=told[0].supplier_id).order_by("id"))

        assert (clock.today() - known[0].day).days == DAYS
        assert [each.assessed_at for each in known] == sorted(each.assessed_at for each in known)

    def test_is_made_up_for_no_production(self, told, settings):
        settings.PRODUCTION = True

        with pytest.raises(ImproperlyConfigured):
            seed_risk_history(told)
        with pytest.raises(ImproperlyConfigured):
            retell_movements(told)


class TestRetellMovements:
    def test_leaves_the_figures_of_today_as_they_are(self, told):
        before = figures_of_today()

        retell_movements(told)

        assert figures_of_today() == before
        assert FiguresBegin.objects.get().day == clock.today()

    def test_leaves_each_supplier_counted_once_and_its_last_movement_what_it_is(self, told):
        retell_movements(told)

        for past in told:
            moved = SupplierMovement.objects.filter(supplier_id=past.supplier_id)
            assert moved.aggregate(n=Sum("n"))["n"] == 1
            last = moved.latest("id")
            supplier = Supplier.objects.get(pk=past.supplier_id)
            assert (last.n, last.score, last.level) == (1, supplier.risk_score, supplier.risk_level)
            assert last.missing == supplier.cert_missing

    def test_says_of_a_past_day_what_there_was(self, told):
        day = clock.today() - timedelta(days=100)
        retell_movements(told)

        then = quality_figures(as_of=day)

        opened = NonConformity.objects.filter(created_at__date__lte=day)
        assert then.open["n"] == opened.exclude(closed_at__date__lte=day).count()
        assert then.suppliers["n"] == len(told)

    def test_tells_nothing_where_days_are_summed(self, told):
        SummedDay.objects.create(day=clock.today() - timedelta(days=1))
        before = [model._default_manager.count() for model in MOVEMENTS]

        retell_movements(told)

        assert [model._default_manager.count() for model in MOVEMENTS] == before


def figures_of_today():
    figures = quality_figures()
    return {name: getattr(figures, name) for name in figures.__slots__ if name != "exact_since"} | {
        # Whose score has moved is told by the past.
        "suppliers": {name: each for name, each in figures.suppliers.items() if not name.endswith("_30_days")}
    }


def test_what_was_dated_back_is_told(told):
    assert AuditEntry.objects.filter(action="DEMO_DATED_BACK", entity_type="certificate").exists()
