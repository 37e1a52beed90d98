"""The figures count suppliers under the level that is shown, and those that nobody has assessed under none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kpi.admin.tables import tables_of
from kpi.models import SupplierMovement
from kpi.movements.summing import sum_days
from kpi.quality import quality_figures
from suppliers.choices import RiskLevel
from suppliers.models import Supplier
from suppliers.reassessment import reassess_suppliers
from suppliers.services import override_risk, update_certification

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)
TODAY = NOON.date()


def said(day=None):
    """Return what is said of all suppliers on a day: the levels that have any, and how many have none."""
    found = quality_figures(as_of=day).suppliers
    levels, without = found["by_level"], found["not_assessed"]
    assert sum(levels.values()) + without == found["n"]
    assert sum(found["not_assessed_by_criticality"].values()) == without
    return {level: n for level, n in levels.items() if n}, without


@pytest.fixture
def supplier(make_supplier, move_clock):
    """One whose computed level is high."""
    move_clock(NOON)
    supplier = make_supplier(certification_expiry=TODAY - timedelta(days=1))
    reassess_suppliers(supplier_ids=[supplier.pk])
    return supplier


@pytest.fixture
def overridden(supplier, users):
    override_risk(
        supplier_id=supplier.pk, level="medium", reason="Plant audited", until=TODAY + timedelta(days=3),
        actor=users["quality"],
    )  # fmt: skip
    return supplier


def test_one_that_nobody_has_assessed_is_in_no_level(make_supplier):
    make_supplier()

    assert said() == ({}, 1)


def test_an_assessed_one_is_in_its_own(supplier, make_supplier):
    make_supplier()

    assert said() == ({"high": 1}, 1)


def test_looking_again_on_another_day_notes_nothing(supplier, move_clock):
    before = SupplierMovement.objects.count()
    move_clock(NOON + timedelta(days=1))

    reassess_suppliers(supplier_ids=[supplier.pk])

    assert Supplier.objects.get().risk_assessed_at.date() == TODAY + timedelta(days=1)
    assert SupplierMovement.objects.count() == before


def test_an_overridden_one_is_in_the_level_that_is_shown(overridden):
    assert said() == ({"medium": 1}, 0)
    assert quality_figures(supplier_id=overridden.pk).suppliers["by_level"]["medium"] == 1


@pytest.mark.parametrize("summed", [False, True])
@pytest.mark.parametrize(("days", "level"), [(3, "medium"), (4, "high")])
def test_an_override_is_shown_through_its_last_day_though_nobody_takes_it_off(
    overridden, move_clock, summed, days, level
):
    day = NOON + timedelta(days=days)
    move_clock(day)
    if summed:
        sum_days()

    assert said() == ({level: 1}, 0)
    assert Supplier.objects.at_level(RiskLevel(level), today=day.date()).count() == 1
    assert said(TODAY) == ({"medium": 1}, 0)


def test_an_override_that_is_taken_off_counts_no_more(overridden, users):
    override_risk(supplier_id=overridden.pk, level=None, reason="Closed", until=None, actor=users["quality"])

    assert said() == ({"high": 1}, 0)


def test_the_answer_and_the_table_say_how_many_have_none(api, make_supplier):
    make_supplier()

    assert api("quality").get("/kpi/quality").json()["suppliers"]["not_assessed"] == 1
    assert tables_of(quality_figures())["levels"].rows[-1] == ("Not assessed", 0, 1, 0, 1)


@pytest.mark.parametrize("summed", [False, True])
def test_a_first_score_is_no_rise_and_a_later_one_is(make_supplier, move_clock, users, summed):
    move_clock(NOON - timedelta(days=60))
    supplier = make_supplier(certification_expiry=TODAY - timedelta(days=90))
    move_clock(NOON)
    reassess_suppliers(supplier_ids=[supplier.pk])
    assert Supplier.objects.get().score == 50
    if summed:
        sum_days()

    assert quality_figures().suppliers["worse_by_10_in_30_days"] == 0
    assert quality_figures(supplier_id=supplier.pk).suppliers["worse_by_10_in_30_days"] == 0

    move_clock(NOON + timedelta(days=31))
    update_certification(supplier_id=supplier.pk, certification_expiry=None, actor=users["procurement"])
    reassess_suppliers(supplier_ids=[supplier.pk])
    assert quality_figures().suppliers["better_by_10_in_30_days"] == 1
