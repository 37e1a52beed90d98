"""What the table of suppliers holds true by itself, and the words by which it is asked."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product

import pytest
from django.db import IntegrityError, transaction

from qhse import clock
from qhse.ordering import dictionary_order
from suppliers.choices import RENEWAL_NOTICE_DAYS, RiskLevel
from suppliers.figures import figures_of
from suppliers.models import Supplier, level_on
from suppliers.risk import SupplierFigures, is_at_risk

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 23)
DAYS_LEFT = (-400, -1, 0, 1, 30, 31, 90, 91, None)  # None: no date is known


def certified(days_left, **counts):
    expiry = None if days_left is None else TODAY + timedelta(days=days_left)
    name = f"{Supplier.objects.count()}: certified for {days_left} days, {counts}"[:100]
    return Supplier.objects.create(name=name, name_key=name, certification_expiry=expiry, **counts)


def days_left_of(queryset):
    """Return the days that the certifications of these suppliers have left."""
    return [
        None if each is None else (each - TODAY).days
        for each in queryset.values_list("certification_expiry", flat=True)
    ]


class TestSupplierQuerySet:
    @pytest.fixture
    def suppliers(self):
        for days_left in DAYS_LEFT:
            certified(days_left)
            certified(days_left, nc_total=1, nc_open=1, nc_open_high=1)
            certified(days_left, nc_total=5, nc_open=2, nc_open_medium=1)
        return list(Supplier.objects.all())

    def test_at_risk_is_what_the_pure_rule_says_of_each(self, suppliers):
        of_each = figures_of(suppliers, today=TODAY)
        by_the_rule = [each for each in suppliers if is_at_risk(of_each[each.pk], today=TODAY)]

        assert list(Supplier.objects.at_risk(today=TODAY)) == by_the_rule
        assert 0 < len(by_the_rule) < len(suppliers)

    def test_not_at_risk_is_everyone_else(self, suppliers):
        at_risk = set(Supplier.objects.at_risk(today=TODAY))
        not_at_risk = set(Supplier.objects.not_at_risk(today=TODAY))

        assert at_risk | not_at_risk == set(suppliers)
        assert at_risk & not_at_risk == set()

    def test_a_level_is_that_of_an_override_in_force_and_else_the_computed_one(self, users):
        for level, override, days in product(RiskLevel, RiskLevel, (-1, 0, 1)):
            certified(
                None, risk_level=level, risk_assessed_at=clock.present(), override_level=override,
                override_until=clock.today() + timedelta(days=days), override_reason="Audited",
                override_by=users["quality"],
            )  # fmt: skip
        certified(-5, risk_level="low")  # which the worker has not seen
        everyone = list(Supplier.objects.annotate(shown=level_on(clock.today())))

        assert [each.shown for each in everyone] == [each.level for each in everyone]
        for level in RiskLevel:
            found = set(Supplier.objects.at_level(level, today=clock.today()))
            assert found == {each for each in everyone if each.level == level}, level
        assert everyone[-1].level is None

    def test_expired_begins_on_the_day_after_the_last_valid_one(self):
        for days_left in DAYS_LEFT:
            certified(days_left)

        assert days_left_of(Supplier.objects.expired(today=TODAY)) == [-400, -1]

    @pytest.mark.parametrize(("days", "found"), [(30, [0, 1, 30]), (31, [0, 1, 30, 31]), (0, [0])])
    def test_expiring_goes_from_today_through_the_last_day_asked_for(self, days, found):
        for days_left in DAYS_LEFT:
            certified(days_left)

        assert days_left_of(Supplier.objects.expiring(today=TODAY, days=days)) == found

    def test_expiring_looks_as_far_as_the_renewal_notice_unless_asked_otherwise(self):
        for days_left in DAYS_LEFT:
            certified(days_left)

        assert days_left_of(Supplier.objects.expiring(today=TODAY)) == [0, 1, 30, 31, RENEWAL_NOTICE_DAYS]

    def test_can_be_combined_with_each_other(self, suppliers):
        to_renew = Supplier.objects.expired(today=TODAY) | Supplier.objects.expiring(today=TODAY)

        assert set(days_left_of(to_renew)) == {-400, -1, 0, 1, 30, 31, 90}


class TestSupplier:
    @pytest.mark.parametrize(
        ("values", "constraint"),
        [
            ({"name": ""}, "supplier_has_a_name"),
            ({"name_key": ""}, "supplier_has_a_name"),
            ({"nc_total": 1, "nc_open": 2}, "supplier_nc_counts_agree"),
            ({"nc_total": 2, "nc_open": 1, "nc_open_high": 1, "nc_open_medium": 1}, "supplier_nc_counts_agree"),
            ({"risk_level": "severe"}, "supplier_risk_level_is_known"),
            ({"risk_score": 101}, "supplier_risk_score_is_0_to_100"),
        ],
    )
    def test_cannot_be_stored_against_its_rules_by_any_way(self, values, constraint):
        certified(30)

        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            Supplier.objects.update(**values)

    def test_cannot_have_the_key_of_another(self):
        Supplier.objects.create(name="Hansa Forge", name_key="hansa forge")

        with pytest.raises(IntegrityError), transaction.atomic():
            Supplier.objects.create(name="HANSA FORGE", name_key="hansa forge")

    def test_can_be_open_in_all_its_ncs_and_at_the_highest_score(self):
        full = certified(None, nc_total=3, nc_open=3, nc_open_high=2, nc_open_medium=1, risk_score=100)

        assert Supplier.objects.get(pk=full.pk).risk_score == 100

    def test_gives_the_risk_rule_its_date_and_its_counts(self):
        supplier = certified(30, nc_total=9, nc_open=6, nc_open_high=2, nc_open_medium=1)

        figures = figures_of([supplier], today=TODAY)[supplier.pk]
        assert figures == SupplierFigures(TODAY + timedelta(days=30), 6, 2, 1, supplier_id=supplier.pk)
        assert figures.nc_open_low == 3

    def test_is_called_by_its_name(self):
        assert str(Supplier(name="Hansa Forge GmbH")) == "Hansa Forge GmbH"


class TestNameOrder:
    def test_follows_from_the_name_at_every_save(self):
        supplier = Supplier.objects.create(name="Ätna Pumpen", name_key="ätna pumpen")
        supplier.name = "Öresund"
        supplier.save()

        assert Supplier.objects.get().name_order == "oresund"

    def test_orders_by_code_points_in_every_database(self):
        names = ["z", "Ä-b", "a b", "A a", "ø", "O", "ß", "a-a", "ab", "Ab c", "б"]
        Supplier.objects.bulk_create(Supplier(name=name, name_key=name) for name in names)

        ordered = list(Supplier.objects.order_by("name_order", "id").values_list("name", flat=True))

        assert ordered == sorted(names, key=dictionary_order)
