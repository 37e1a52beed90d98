"""Overriding the computed risk level: row, history, entry and event together; with an end, and taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from audit.models import AuditEntry
from outbox.testing import assert_published, assert_publishes_nothing, published
from qhse import clock
from qhse.errors import RecordHasChanged
from suppliers.choices import RiskLevel
from suppliers.errors import (
    ReasonIsMissing,
    RiskIsNotAssessed,
    RiskOverrideIsInvalid,
    SupplierIsMerged,
    SupplierNotFound,
)
from suppliers.events import SupplierRiskOverridden
from suppliers.models import RiskAssessment, Supplier, level_on
from suppliers.reassessment import reassess_suppliers
from suppliers.services import OVERRIDE_DAYS, override_risk

pytestmark = pytest.mark.django_db


@pytest.fixture
def supplier(make_supplier):
    """A supplier whose computed level is high."""
    supplier = make_supplier(certification_expiry=clock.today() - timedelta(days=1))
    reassess_suppliers(supplier_ids=[supplier.pk])
    return Supplier.objects.get()


@pytest.fixture
def override(supplier, users):
    def call(**given):
        values = {
            "supplier_id": supplier.pk, "level": "medium", "reason": "Plant audited",
            "until": clock.today() + timedelta(days=30), "actor": users["quality"],
        }  # fmt: skip
        return override_risk(**(values | given))

    return call


class TestOverride:
    def test_shows_another_level_and_leaves_the_computed_one_and_the_score(self, override):
        after = override()

        assert (after.level, after.computed_level, after.score) == (RiskLevel.MEDIUM, RiskLevel.HIGH, 50)
        assert after.override.reason == "Plant audited"
        stored = Supplier.objects.get()
        assert (stored.level, stored.version) == (after.level, after.version) == (RiskLevel.MEDIUM, 2)

    def test_leaves_a_row_of_the_history_an_entry_and_an_event(self, override, supplier, users):
        override()

        row = RiskAssessment.objects.latest("id")
        assert (row.cause, row.score, row.level, row.override_level) == ("override", 50, "high", "medium")
        assert (row.override_reason, row.override_by) == ("Plant audited", users["quality"])
        entry = AuditEntry.objects.get(action="SUPPLIER_RISK_OVERRIDDEN")
        until = (clock.today() + timedelta(days=30)).isoformat()
        assert (entry.actor, entry.reason) == ("quality", "Plant audited")
        assert entry.changes == {
            "override_level": ["", "medium"],
            "override_until": [None, until],
            "override_reason": ["", "Plant audited"],
        }
        assert assert_published(SupplierRiskOverridden).payload == {
            "supplier_id": supplier.pk,
            "level": "medium",
            "previous": None,
            "until": until,
            "reason": "Plant audited",
            "computed_level": "high",
            "score": 50,
        }

    def test_survives_a_reassessment(self, override, supplier):
        override()

        reassess_suppliers(supplier_ids=[supplier.pk])

        assert Supplier.objects.get().level == RiskLevel.MEDIUM

    def test_is_found_by_the_level_that_is_shown(self, override):
        override()

        today = clock.today()
        found = {level: Supplier.objects.at_level(level, today=today).count() for level in RiskLevel}
        assert found == {"low": 0, "medium": 1, "high": 0, "critical": 0}
        assert Supplier.objects.values_list(level_on(today), flat=True).get() == "medium"

    def test_is_not_in_force_after_its_last_day_though_nobody_has_taken_it_off(self, override):
        override(until=clock.today())
        Supplier.objects.update(override_until=clock.today() - timedelta(days=1))

        after, today = Supplier.objects.get(), clock.today()
        assert (after.level, after.override, after.risk_is_current) == (RiskLevel.HIGH, None, False)
        assert Supplier.objects.at_level(RiskLevel.HIGH, today=today).exists()
        assert Supplier.objects.values_list(level_on(today), flat=True).get() == "high"

    def test_the_same_again_changes_nothing(self, override):
        first = override()

        with assert_publishes_nothing():
            again = override()

        assert again.version == first.version
        assert AuditEntry.objects.filter(action="SUPPLIER_RISK_OVERRIDDEN").count() == 1

    def test_is_ended_with_a_reason(self, override):
        override()

        after = override(level=None, until=None, reason="Findings were closed")

        assert (after.level, after.override) == (RiskLevel.HIGH, None)
        assert [event.payload["level"] for event in published(SupplierRiskOverridden)] == ["medium", None]
        assert RiskAssessment.objects.latest("id").override_level == ""

    def test_that_is_not_there_cannot_be_ended_and_nothing_happens(self, override):
        with assert_publishes_nothing():
            assert override(level=None, until=None).version == 1


class TestRefusals:
    @pytest.mark.parametrize(
        ("days", "fits"), [(-1, False), (0, True), (OVERRIDE_DAYS, True), (OVERRIDE_DAYS + 1, False)]
    )
    def test_it_ends_within_ninety_days(self, override, days, fits):
        until = clock.today() + timedelta(days=days)
        if fits:
            assert override(until=until).override_until == until
            return
        with pytest.raises(RiskOverrideIsInvalid) as refusal:
            override(until=until)
        assert refusal.value.field == "until"

    @pytest.mark.parametrize(
        ("given", "error"),
        [
            ({"reason": " \n "}, ReasonIsMissing),
            ({"reason": "x" * 2001}, ReasonIsMissing),
            ({"level": "worst"}, RiskOverrideIsInvalid),
            ({"until": None}, RiskOverrideIsInvalid),
            ({"level": None}, RiskOverrideIsInvalid),
            ({"supplier_id": 4711}, SupplierNotFound),
            ({"expected_versions": {7}}, RecordHasChanged),
        ],
    )
    def test_of_what_does_not_fit_store_nothing(self, override, given, error):
        with assert_publishes_nothing(), pytest.raises(error):
            override(**given)

        assert Supplier.objects.get().override_level == ""

    def test_of_a_supplier_that_is_not_assessed_yet(self, override, make_supplier):
        with pytest.raises(RiskIsNotAssessed):
            override(supplier_id=make_supplier().pk)

    def test_of_a_supplier_that_was_recorded_twice_name_the_other(self, override, supplier, make_supplier):
        other = make_supplier(name="Nordic Castings AB")
        Supplier.objects.filter(pk=supplier.pk).update(merged_into=other)

        with pytest.raises(SupplierIsMerged) as refusal:
            override()

        assert f"{other.code}, Nordic Castings AB" in refusal.value.detail
