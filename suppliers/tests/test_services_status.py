"""Deciding about a supplier: what is stored, what a status asks for, who decides."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import AuditEntry
from outbox.testing import assert_publishes, assert_publishes_nothing
from qhse.errors import RecordHasChanged
from suppliers.choices import SupplierStatus
from suppliers.errors import (
    DetailIsInvalid,
    MayNotDecideStatus,
    ReasonIsMissing,
    StatusIsNotEarned,
    StatusMoveIsForbidden,
)
from suppliers.events import SupplierStatusChanged
from suppliers.models import Certificate, Supplier
from suppliers.services import (
    change_supplier_status,
    correct_supplier,
    count_nonconformity_closed,
    submit_certificate,
    verify_certificate,
)
from suppliers.tests.made import a_certificate

pytestmark = pytest.mark.django_db


@pytest.fixture
def decide(users):
    def call(supplier, status, who="admin", reason="Audit passed", **more):
        return change_supplier_status(supplier_id=supplier.pk, status=status, actor=users[who], reason=reason, **more)

    return call


@pytest.fixture
def of_status(users, make_supplier):
    """Return a supplier that has come to a status somehow."""

    def make(status, **values):
        supplier = make_supplier(**values)
        decided = {"status_at": timezone.now(), "status_by": users["admin"], "status_reason": "Before"}
        Supplier.objects.filter(pk=supplier.pk).update(status=status, **decided)
        return Supplier.objects.get(pk=supplier.pk)

    return make


class TestADecision:
    def test_is_stored_with_person_time_and_reason_audited_and_published(self, users, make_supplier, decide):
        supplier = make_supplier()

        with assert_publishes(SupplierStatusChanged, supplier_id=supplier.pk) as published:
            decided = decide(supplier, "approved", "quality")

        supplier.refresh_from_db()
        assert (supplier.status, supplier.status_reason, supplier.status_by) == (
            "approved", "Audit passed", users["quality"]
        )  # fmt: skip
        assert supplier.status_at == decided.status_at
        assert (supplier.version, decided.version) == (2, 2)
        entry = AuditEntry.objects.get(action="SUPPLIER_STATUS_CHANGED")
        assert (entry.changes, entry.reason) == ({"status": ["pending", "approved"]}, "Audit passed")
        assert published[0].payload == {
            "supplier_id": supplier.pk, "old": "pending", "new": "approved", "reason": "Audit passed",
        }  # fmt: skip

    @pytest.mark.parametrize("reason", ["", "Again"])
    @pytest.mark.parametrize("who", ["quality", "procurement"])
    def test_that_stands_already_changes_nothing_whoever_asks(self, of_status, decide, row_counts, who, reason):
        supplier = of_status("disqualified")
        before = row_counts()

        with assert_publishes_nothing():
            again = decide(supplier, "disqualified", who, reason)

        assert (again.version, again.status_reason, row_counts()) == (1, "Before", before)

    @pytest.mark.parametrize("reason", ["", " \n", "x" * 2001])
    def test_asks_for_a_reason(self, make_supplier, decide, reason):
        supplier = make_supplier()

        with assert_publishes_nothing(), pytest.raises(ReasonIsMissing):
            decide(supplier, "conditional", reason=reason)

    def test_asks_for_a_status_that_there_is(self, make_supplier, decide):
        with pytest.raises(DetailIsInvalid) as refused:
            decide(make_supplier(), "blessed")

        assert refused.value.field == "status"

    def test_asks_for_the_version_that_its_caller_has_read(self, make_supplier, decide):
        with pytest.raises(RecordHasChanged):
            decide(make_supplier(), "conditional", expected_versions=(2,))

    def test_goes_no_way_that_there_is_not(self, of_status, decide):
        supplier = of_status("rejected")

        with assert_publishes_nothing(), pytest.raises(StatusMoveIsForbidden, match="is rejected; from there"):
            decide(supplier, "approved")

    @pytest.mark.parametrize(
        ("present", "target", "who", "says"),
        [
            ("pending", "approved", "procurement", "administrator or quality"),
            ("approved", "suspended", "procurement", "administrator or quality"),
            ("suspended", "conditional", "procurement", "administrator or quality"),
            ("pending", "rejected", "quality", "administrator or procurement"),
            ("approved", "disqualified", "quality", "administrator"),
            ("disqualified", "pending", "procurement", "administrator"),
        ],
    )
    def test_of_another_role_is_refused_with_who_decides(self, of_status, decide, present, target, who, says):
        supplier = of_status(present)

        with assert_publishes_nothing(), pytest.raises(MayNotDecideStatus, match=f"decided by {says}.$"):
            decide(supplier, target, who)


class TestApproving:
    def refused(self, decide, supplier):
        with assert_publishes_nothing(), pytest.raises(StatusIsNotEarned) as refusal:
            decide(supplier, "approved", "quality")
        assert Supplier.objects.get(pk=supplier.pk).status == supplier.status
        return refusal.value.detail

    def test_names_every_standard_that_is_not_proven(self, make_supplier, decide):
        supplier = make_supplier(required_standards=["iso_9001", "iso_14001"])

        detail = self.refused(decide, supplier)

        assert "a verified ISO 14001 certificate that is in date; a verified ISO 9001 certificate" in detail

    @pytest.mark.parametrize(
        ("verified", "begins", "ends"),
        [(False, -300, 300), (True, -300, -1), (True, 1, 300)],
        ids=["not verified", "expired yesterday", "begins tomorrow"],
    )
    def test_counts_no_certificate_that_is_not_verified_and_in_date(
        self, users, make_supplier, decide, verified, begins, ends
    ):
        supplier, today = make_supplier(required_standards=["iso_9001"]), timezone.now().date()
        days = {"valid_from": today + timedelta(begins), "valid_to": today + timedelta(ends)}
        a_certificate(supplier, users["procurement"], users["quality"] if verified else None, **days)

        assert "ISO 9001" in self.refused(decide, supplier)

    @pytest.mark.parametrize("status", ["withdrawn", "superseded"])
    def test_counts_no_certificate_that_does_not_count_any_more(self, users, make_supplier, decide, status):
        supplier = make_supplier(required_standards=["iso_9001"])
        made = a_certificate(supplier, users["procurement"], users["quality"])
        decided = {"decided_at": timezone.now(), "decided_by": users["quality"], "status_reason": "Fraud"}
        Certificate.objects.filter(pk=made.pk).update(status=status, **decided)

        assert "ISO 9001" in self.refused(decide, supplier)

    def test_counts_no_certificate_of_another_supplier(self, users, make_supplier, decide):
        a_certificate(make_supplier(), users["procurement"], users["quality"])

        assert "ISO 9001" in self.refused(decide, make_supplier(required_standards=["iso_9001"]))

    @pytest.mark.parametrize(("begins", "ends"), [(0, 300), (-300, 0)], ids=["from today", "through today"])
    def test_is_earned_by_a_verified_certificate_of_each(self, users, make_supplier, decide, begins, ends):
        supplier, today = make_supplier(required_standards=["iso_9001"]), timezone.now().date()
        days = {"valid_from": today + timedelta(begins), "valid_to": today + timedelta(ends)}
        a_certificate(supplier, users["procurement"], users["quality"], **days)

        assert decide(supplier, "approved", "quality").status == "approved"

    def test_with_conditions_asks_for_nothing(self, make_supplier, decide):
        supplier = make_supplier(required_standards=["iso_9001"])

        assert decide(supplier, "conditional", "procurement").status == "conditional"

    def test_after_a_suspension_waits_for_the_severe_cases(self, of_status, make_nc, decide):
        supplier = of_status("suspended")
        make_nc(supplier_id=supplier.pk, severity="high")

        assert "the closing of 1 open non-conformity of severity high" in self.refused(decide, supplier)

    @pytest.mark.parametrize(
        "way", [["conditional"], ["disqualified", "pending"], ["disqualified", "pending", "conditional"]]
    )
    def test_a_way_round_after_a_suspension_waits_for_the_severe_cases_too(
        self, of_status, make_nc, decide, users, way
    ):
        supplier = of_status("suspended")
        make_nc(supplier_id=supplier.pk, severity="high")
        for status in way:
            supplier = decide(supplier, status)

        assert "the closing of 1 open non-conformity of severity high" in self.refused(decide, supplier)
        count_nonconformity_closed(supplier_id=supplier.pk, severity="high")
        assert decide(supplier, "approved", "quality").status == "approved"

    def test_a_suspension_before_the_last_approval_is_over(self, of_status, make_nc, decide):
        supplier = of_status("suspended")
        decide(supplier, "approved", "quality")
        make_nc(supplier_id=supplier.pk, severity="high")

        decide(supplier, "conditional", "quality")
        assert decide(supplier, "approved", "quality").status == "approved"


class TestWhatIsRequiredAfterwards:
    @pytest.fixture
    def approved_by_a_trick(self, users, make_supplier, decide):
        """Return a supplier that was approved while nothing was required of it."""
        supplier = make_supplier(required_standards=["iso_9001"])

        def require(*standards):
            correct_supplier(
                supplier_id=supplier.pk, values={"required_standards": list(standards)}, actor=users["procurement"],
                reason="Mistyped",
            )  # fmt: skip

        require()
        decide(supplier, "approved", "quality")
        require("iso_9001")
        return Supplier.objects.get(pk=supplier.pk)

    def test_takes_no_status_away_and_proposes_conditions_until_it_is_proven(self, users, approved_by_a_trick):
        supplier = approved_by_a_trick
        assert (supplier.status, supplier.proposed_status) == ("approved", "conditional")

        submitted = submit_certificate(
            supplier_id=supplier.pk, standard="iso_9001", number="Q-1", issuer="TÜV", actor=users["procurement"],
            valid_from=timezone.now().date() - timedelta(1), valid_to=timezone.now().date() + timedelta(300),
        )  # fmt: skip
        assert Supplier.objects.get(pk=supplier.pk).proposed_status == "conditional"
        verify_certificate(certificate_id=submitted.pk, method="register", actor=users["quality"])

        assert Supplier.objects.get(pk=supplier.pk).proposed_status is None

    def test_is_said_by_the_api_and_on_the_page(self, api, client, users, approved_by_a_trick):
        pk = approved_by_a_trick.pk
        client.force_login(users["quality"])

        assert api("quality").get(f"/suppliers/{pk}").json()["proposed_status"] == "conditional"
        page = client.get(f"/admin/suppliers/supplier/{pk}/change/").content.decode()
        assert "Required standards are not proven: approved with conditions is proposed" in page


class TestWhatARiskProposes:
    def test_is_nothing_that_happens(self, of_status, make_nc, drain, monkeypatch):
        supplier = of_status("approved")
        monkeypatch.setattr("suppliers.models.supplier.proposed", lambda status, level: SupplierStatus.SUSPENDED)
        make_nc(supplier_id=supplier.pk, severity="high")

        drain()

        supplier.refresh_from_db()
        assert (supplier.proposed_status, supplier.status) == ("suspended", "approved")
