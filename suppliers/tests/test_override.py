"""Overriding the computed risk level: row, history, entry and event together; with an end, and taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from audit.models import AuditEntry
from outbox.testing import assert_published, assert_publishes_nothing, published
from qhse import clock
from qhse.errors import AnotherPersonMust, RecordHasChanged
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
from suppliers.reassessment import assessment_of, reassess_suppliers
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


class TestRenewal:
    @pytest.fixture
    def on_its_last_day(self, supplier, users):
        """Set one by quality eighty days ago, through today."""
        values = {
            "override_level": "medium", "override_reason": "Plant audited", "override_until": clock.today(),
            "override_by": users["quality"],
        }  # fmt: skip
        Supplier.objects.filter(pk=supplier.pk).update(**values)
        begun = clock.today() - timedelta(days=80)
        assessment_of(Supplier.objects.get(pk=supplier.pk), day=begun, cause="override").save(force_insert=True)

    def until(self, days):
        return clock.today() + timedelta(days=days)

    @pytest.mark.parametrize("ended_first", [False, True])
    def test_by_the_same_person_ends_ninety_days_after_the_first(self, override, on_its_last_day, ended_first):
        if ended_first:  # a way round that is none
            override(level=None, until=None)
        with pytest.raises(AnotherPersonMust, match=str(self.until(10))) as refusal:
            override(until=self.until(11), level="low", reason="Still so")

        assert refusal.value.field == "until"
        assert override(until=self.until(10), level="low", reason="Still so").override_until == self.until(10)

    def test_by_somebody_else_goes_on(self, override, on_its_last_day, users):
        after = override(until=self.until(90), actor=users["admin"], reason="Audited again")

        assert (after.override_until, after.override.by_id) == (self.until(90), users["admin"].pk)
        assert override(until=self.until(90), reason="And again").override.by_id == users["quality"].pk

    def test_of_another_supplier_is_none(self, override, on_its_last_day, make_supplier):
        other = make_supplier()
        reassess_suppliers(supplier_ids=[other.pk])

        assert override(supplier_id=other.pk, until=self.until(90)).override_until == self.until(90)

    def test_is_refused_by_the_api_with_who_must(self, api, supplier, on_its_last_day, problem_of):
        body = {"level": "low", "reason": "Still so", "until": self.until(11).isoformat()}

        document = problem_of(api("quality").post(f"/suppliers/{supplier.pk}/risk/override", body), 403)

        assert (document["code"], document["errors"][0]["field"]) == ("another_person_must", "until")


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
