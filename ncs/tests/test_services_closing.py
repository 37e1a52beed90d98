"""Closing a case: what must be settled, what is missing, who may override it; mistakes, and opening it again."""

from __future__ import annotations

import pytest

from audit.models import AuditEntry
from ncs.choices import Gap
from ncs.errors import (
    ConcessionIsMissing,
    DetailIsInvalid,
    EvidenceIsMissing,
    MayNotOverride,
    NonConformityHasOpenActions,
    NonConformityMoveIsForbidden,
    ReasonIsMissing,
)
from ncs.events import NonConformityClosed, NonConformityCorrected, NonConformityReopened
from ncs.models import NonConformity
from ncs.services import (
    analyse_nonconformity,
    cancel_action,
    close_nonconformity,
    concede_nonconformity,
    contain_nonconformity,
    dispose_nonconformity,
    reopen_nonconformity,
    verify_action,
    void_nonconformity,
)
from outbox.testing import assert_published, assert_publishes_nothing
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db


def counts_of(supplier_id):
    return Supplier.objects.values_list("nc_total", "nc_open", "nc_open_high", "nc_void").get(pk=supplier_id)


@pytest.fixture
def close(users):
    return lambda nc, actor="quality", **more: close_nonconformity(nc_id=nc.pk, actor=users[actor], **more)


class TestWhatMustBeSettled:
    def test_an_action_that_is_not_settled_keeps_a_case_open(self, users, make_nc, make_action, completed, close):
        nc = make_nc()
        running, done = make_action(nc_id=nc.pk), completed(nc_id=nc.pk, title="Teach the shift")

        with pytest.raises(NonConformityHasOpenActions, match=r"Tool change at 5,000 strokes .*open.*Teach the shift"):
            close(nc)
        cancel_action(action_id=running.pk, reason="No use", actor=users["quality"])
        with pytest.raises(NonConformityHasOpenActions, match=r"Teach the shift .*not verified"):
            close(nc)
        verify_action(action_id=done.pk, effective=True, note="Looked", actor=users["admin"])

        assert close(nc).status == "CLOSED"

    def test_use_as_is_keeps_it_open_without_a_concession(self, users, make_nc, close):
        nc = make_nc()
        dispose_nonconformity(nc_id=nc.pk, disposition="use_as_is", reason="Works", actor=users["quality"])

        with pytest.raises(ConcessionIsMissing):
            close(nc, actor="admin", override=True, reason="Never mind")
        concede_nonconformity(nc_id=nc.pk, actor=users["admin"], reason="Drawing allows it")

        assert close(nc).closure_code == "concession"


class TestEvidence:
    EVERYTHING = [Gap.CONTAINMENT, Gap.DISPOSITION, Gap.ROOT_CAUSE, Gap.EFFECTIVE_ACTION]

    @pytest.mark.parametrize(
        ("severity", "gaps"), [("high", EVERYTHING), ("medium", EVERYTHING[1:3]), ("low", EVERYTHING[1:2])]
    )
    def test_that_is_missing_is_recorded_with_the_closed_case(self, make_nc, close, severity, gaps):
        nc = close(make_nc(severity=severity))

        assert nc.closure_gaps == nc.missing == gaps
        assert_published(NonConformityClosed, closure_gaps=gaps, closure_code="corrected", days_open=0)

    def test_of_a_case_that_was_recorded_twice_is_not_asked_for(self, make_nc, make_supplier, close):
        supplier = make_supplier()
        make_nc(supplier_id=supplier.pk, part_no="4711-B")
        again = make_nc(supplier_id=supplier.pk, part_no="4711-B", severity="high")

        assert close(again, closure_code="duplicate", gate="enforce").closure_gaps == []

    def test_is_asked_for_where_nobody_said_which_case_it_repeats(self, make_nc, close):
        with pytest.raises(DetailIsInvalid, match="name the earlier one"):
            close(make_nc(severity="high"), closure_code="duplicate", gate="enforce")

    @pytest.mark.parametrize(("disposition", "code"), [("scrap", "concession"), ("use_as_is", "corrected")])
    def test_a_concession_is_for_what_is_used_as_it_is_alone(self, users, make_nc, close, disposition, code):
        nc = make_nc()
        dispose_nonconformity(nc_id=nc.pk, disposition=disposition, reason="Decided", actor=users["quality"])

        with pytest.raises(DetailIsInvalid) as refusal:
            close(nc, closure_code=code)

        assert refusal.value.field == "closure_code"

    def test_is_demanded_where_the_gate_is_enforced_and_named(self, make_nc, close, row_counts):
        nc = make_nc(severity="medium")
        before = row_counts()

        with pytest.raises(EvidenceIsMissing, match="lacks disposition, root cause"):
            close(nc, gate="enforce", reason="Fine")

        assert row_counts() == before
        assert NonConformity.objects.get().status == "OPEN"

    def test_opens_the_gate_piece_by_piece(self, users, make_nc, completed, close):
        nc, quality = make_nc(severity="high"), users["quality"]
        for fill in (
            lambda: contain_nonconformity(nc_id=nc.pk, containment="Blocked", actor=quality),
            lambda: dispose_nonconformity(nc_id=nc.pk, disposition="scrap", reason="Cracked", actor=quality),
            lambda: analyse_nonconformity(nc_id=nc.pk, cause_code="method", root_cause="No plan", actor=quality),
            lambda: verify_action(
                action_id=completed(nc_id=nc.pk).pk, effective=True, note="Looked", actor=users["admin"]
            ),
        ):
            with pytest.raises(EvidenceIsMissing):
                close(nc, gate="enforce")
            fill()

        assert close(nc, gate="enforce").closure_gaps == []

    def test_is_overridden_by_an_administrator_with_a_reason_alone(self, make_nc, close):
        nc = make_nc(severity="low")

        with pytest.raises(MayNotOverride):
            close(nc, gate="enforce", override=True, reason="Hurry")
        with pytest.raises(ReasonIsMissing):
            close(nc, actor="admin", gate="enforce", override=True, reason=" ")

        closed = close(nc, actor="admin", gate="enforce", override=True, reason="Customer accepted it by mail")
        assert (closed.closure_gaps, closed.closure_reason) == (["disposition"], "Customer accepted it by mail")

    @pytest.mark.parametrize("code", ["unfounded", "fine", "CORRECTED"])
    def test_a_code_that_is_none_is_refused(self, make_nc, close, code):
        with pytest.raises(DetailIsInvalid) as refusal:
            close(make_nc(), closure_code=code)

        assert refusal.value.field == "closure_code"


class TestVoid:
    def test_counts_against_nobody_and_is_never_deleted(self, users, make_nc):
        nc = make_nc(severity="high")
        assert counts_of(nc.supplier_id) == (1, 1, 1, 0)

        void = void_nonconformity(nc_id=nc.pk, actor=users["quality"], reason="Wrong gauge")

        assert counts_of(nc.supplier_id) == (0, 0, 0, 1)
        assert (void.status, void.closure_code, void.closure_gaps) == ("CLOSED", "unfounded", [])
        assert AuditEntry.objects.get(action="NC_CLOSED").reason == "Wrong gauge"
        assert_published(NonConformityClosed, closure_code="unfounded")

    def test_is_repeated_by_no_case_any_more(self, users, make_supplier, make_nc):
        facts = {"supplier_id": make_supplier().pk, "category": "surface"}
        first, mistake, later, twin = (make_nc(**facts) for _ in range(4))
        alone = make_nc(supplier_id=facts["supplier_id"], category="packaging", part_no="4711-B")
        NonConformity.objects.filter(pk__in=(later.pk, twin.pk, alone.pk)).update(repeat_of=mistake)
        close_nonconformity(nc_id=twin.pk, closure_code="duplicate", actor=users["quality"])

        void_nonconformity(nc_id=mistake.pk, reason="Recorded twice", actor=users["quality"])

        links = dict(NonConformity.objects.values_list("pk", "repeat_of"))
        assert (links[later.pk], links[alone.pk], links[twin.pk]) == (first.pk, None, mistake.pk)
        told = AuditEntry.objects.get(action="NC_CORRECTED", entity_id=str(later.pk))
        assert (told.changes, told.reason) == ({"repeat_of_id": [mistake.pk, first.pk]}, "Recorded twice")
        assert_published(NonConformityCorrected, nc_id=later.pk, fields=["repeat_of_id"])

    def test_happens_once(self, users, make_nc):
        nc = make_nc()
        void_nonconformity(nc_id=nc.pk, actor=users["quality"], reason="Wrong gauge")

        with assert_publishes_nothing():
            void_nonconformity(nc_id=nc.pk, actor=users["admin"], reason="Again")
        assert counts_of(nc.supplier_id) == (0, 0, 0, 1)

    def test_is_refused_for_a_case_that_was_closed_as_something_else(self, users, make_nc, close):
        nc = close(make_nc())

        with pytest.raises(NonConformityMoveIsForbidden, match="closed already"):
            void_nonconformity(nc_id=nc.pk, actor=users["quality"], reason="Wrong gauge")

    def test_asks_why(self, users, make_nc):
        with pytest.raises(ReasonIsMissing):
            void_nonconformity(nc_id=make_nc().pk, actor=users["quality"], reason="")


class TestReopen:
    def test_counts_it_again_and_forgets_how_it_was_closed(self, users, make_nc, close):
        nc = close(make_nc(severity="high"), reason="Sorted")

        again = reopen_nonconformity(nc_id=nc.pk, actor=users["quality"], reason="Next lot too")

        assert counts_of(nc.supplier_id) == (1, 1, 1, 0)
        again.refresh_from_db()
        assert (again.status, again.closed_at, again.closed_by, again.closure_reason) == ("OPEN", None, None, "")
        assert (again.closure_code, again.closure_gaps, again.reopened_count) == ("", [], 1)
        entry = AuditEntry.objects.get(action="NC_REOPENED")
        assert (entry.changes["status"], entry.reason) == (["CLOSED", "OPEN"], "Next lot too")
        assert_published(NonConformityReopened, reason="Next lot too", reopened_count=1)

    def test_brings_the_follow_up_of_an_ineffective_action_back(self, users, completed, close):
        action = completed()
        verify_action(action_id=action.pk, effective=False, note="Again", actor=users["admin"])
        void_nonconformity(nc_id=action.nc_id, actor=users["quality"], reason="Wrong gauge")

        nc = reopen_nonconformity(nc_id=action.nc_id, actor=users["quality"], reason="The gauge was right")

        assert (nc.actions_open, action.follow_up.status) == (1, "OPEN")
        with pytest.raises(NonConformityHasOpenActions):
            close(nc)

    def test_asks_for_the_concession_anew_and_has_a_due_date(self, users, make_nc, close):
        nc = make_nc()
        dispose_nonconformity(nc_id=nc.pk, disposition="use_as_is", reason="Works", actor=users["quality"])
        concede_nonconformity(nc_id=nc.pk, actor=users["admin"], reason="Drawing allows it")
        close(nc)
        NonConformity.objects.update(due_on=None)  # as of a case of the version before

        again = reopen_nonconformity(nc_id=nc.pk, actor=users["quality"], reason="Next lot too")

        assert (again.concession_by_id, again.due_on is None) == (None, False)

    def test_makes_a_mistake_count_after_all(self, users, make_nc):
        nc = make_nc()
        void_nonconformity(nc_id=nc.pk, actor=users["quality"], reason="Wrong gauge")

        reopen_nonconformity(nc_id=nc.pk, actor=users["quality"], reason="The gauge was right")

        assert counts_of(nc.supplier_id) == (1, 1, 0, 0)

    def test_of_an_open_one_changes_nothing(self, users, make_nc):
        nc = make_nc()

        with assert_publishes_nothing():
            assert reopen_nonconformity(nc_id=nc.pk, actor=users["quality"], reason="Again").version == 1

    def test_asks_why(self, users, make_nc, close):
        with pytest.raises(ReasonIsMissing):
            reopen_nonconformity(nc_id=close(make_nc()).pk, actor=users["quality"], reason="\u200b")
