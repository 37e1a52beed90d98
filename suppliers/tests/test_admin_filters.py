"""Each choice beside the list shows exactly the suppliers that it names."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from suppliers.models import Supplier
from suppliers.reassessment import reassess_suppliers

pytestmark = pytest.mark.django_db


@pytest.fixture
def listed(users, make_supplier, make_nc):
    """Return the names that the list shows under a query, among suppliers on both sides of every boundary."""
    today = timezone.now().date()
    for days_left in (-1, 0, 30, 31, 60, 61, 90, 91):
        make_supplier(name=f"{days_left}", certification_expiry=today + timedelta(days=days_left))
    make_supplier(name="not known", certification_expiry=None)
    incident = make_supplier(name="open high", certification_expiry=today + timedelta(days=400))
    make_nc(supplier_id=incident.pk, severity="high")
    client = Client()
    client.force_login(users["auditor"])

    def names(query):
        page = client.get("/admin/suppliers/supplier/", query, follow=True)
        return {supplier.name for supplier in page.context["cl"].queryset}

    return names


class TestAtRiskFilter:
    def test_splits_the_suppliers_in_two(self, listed):
        assert listed({"at_risk": "yes"}) == {"-1", "open high"}
        assert listed({"at_risk": "no"}) == {"0", "30", "31", "60", "61", "90", "91", "not known"}

    def test_unasked_shows_everybody(self, listed):
        assert listed({}) == listed({"at_risk": "yes"}) | listed({"at_risk": "no"})


class TestLevelFilter:
    def test_finds_those_that_nobody_has_assessed(self, listed, make_supplier):
        old = [supplier.pk for supplier in Supplier.objects.all()]
        make_supplier(name="new")
        reassess_suppliers(supplier_ids=old)

        assert listed({"risk_level": "not_assessed"}) == {"new"}
        assert "new" not in listed({"risk_level": "low"}) and "new" in listed({})


class TestCertificationFilter:
    @pytest.mark.parametrize(
        ("choice", "shown"),
        [
            ("expired", {"-1"}),
            ("30", {"0", "30"}),
            ("60", {"0", "30", "31", "60"}),
            ("90", {"0", "30", "31", "60", "61", "90"}),
            ("unknown", {"not known"}),
        ],
    )
    def test_shows_what_ended_or_ends_within_the_days_of_its_name(self, listed, choice, shown):
        assert listed({"certification": choice}) == shown

    @pytest.mark.parametrize("choice", ["45", "-1", "expired,30"])
    def test_shows_everybody_for_a_choice_that_it_does_not_offer(self, listed, choice):
        assert listed({"certification": choice}) == listed({})

    def test_goes_together_with_the_other_one(self, listed):
        assert listed({"certification": "unknown", "at_risk": "yes"}) == set()
