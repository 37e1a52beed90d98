"""The page of a supplier, in words that a buyer reads at a glance."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib import admin
from django.utils import timezone

from suppliers.choices import RiskLevel
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db  # which says what day it is


@pytest.fixture
def page():
    return admin.site.get_model_admin(Supplier)


def certified_for(days_left, **values):
    return Supplier(certification_expiry=timezone.now().date() + timedelta(days=days_left), **values)


class TestSupplierAdmin:
    @pytest.mark.parametrize(
        ("days_left", "kind", "says"),
        [(-1, "bad", "expired 1 day ago"), (0, "warn", "0 days left"), (90, "warn", "90 days left")],
    )
    def test_marks_a_certification_that_has_ended_or_will_soon(self, page, days_left, kind, says):
        shown = page.certification(certified_for(days_left))

        assert f'<span class="badge badge-{kind}">{says}</span>' in shown

    def test_does_not_mark_a_certification_that_lasts_longer(self, page):
        assert '<span class="quiet">91 days left</span>' in page.certification(certified_for(91))

    def test_marks_a_certification_that_is_not_known(self, page):
        assert "Not known" in page.certification(Supplier())

    @pytest.mark.parametrize(
        ("days_left", "counts", "says"),
        [
            (-1, {}, "At risk"),
            (0, {}, "No"),
            (0, {"nc_open": 1, "nc_open_high": 1}, "At risk"),
            (0, {"nc_open": 1, "nc_open_medium": 1}, "No"),
        ],
        ids=["expired", "last day", "open high NC", "open medium NC"],
    )
    def test_says_whether_a_supplier_is_at_risk_now_and_not_when_last_assessed(self, page, days_left, counts, says):
        supplier = certified_for(days_left, risk_level=RiskLevel.LOW, **counts)

        assert f">{says}<" in page.at_risk(supplier)

    @pytest.mark.parametrize("level", RiskLevel)
    def test_has_a_colour_for_every_level(self, page, level):
        shown = page.risk(Supplier(pk=1, risk_level=level, risk_score=42, risk_assessed_at=timezone.now()))

        assert level.label in shown
        assert "42" in shown

    def test_counts_the_open_ncs_and_names_the_high_ones(self, page):
        assert page.open_ncs(Supplier()) == "–"
        assert page.open_ncs(Supplier(nc_open=3)).strip() == "3"
        assert page.open_ncs(Supplier(nc_open=3, nc_open_high=2)).startswith('3 <span class="badge badge-bad">2 high')

    def test_says_that_a_new_supplier_is_not_assessed_yet(self, page):
        assert "Not assessed yet" in page.risk(Supplier(pk=1))
