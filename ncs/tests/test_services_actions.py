"""Actions: who does them, who verifies them, and what that means for their case."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest

from audit.models import AuditEntry
from ncs.choices import ActionKind, ActionStatus
from ncs.errors import (
    ActionMoveIsForbidden,
    ActionNotFound,
    CaseHasTooManyActions,
    DetailIsInvalid,
    NonConformityIsClosed,
    OwnerIsUnknown,
    ReasonIsMissing,
)
from ncs.events import ActionCancelled, ActionChanged, ActionDone, ActionOpened, ActionStarted, ActionVerified
from ncs.models import CorrectiveAction, NonConformity
from ncs.services import (
    cancel_action,
    change_action,
    close_nonconformity,
    complete_action,
    start_action,
    verify_action,
    void_nonconformity,
)
from outbox.testing import assert_published, assert_publishes_nothing
from qhse.attachments.errors import RecordNeedsAFile
from qhse.attachments.models import Attachment
from qhse.attachments.services import attach, void_attachment
from qhse.attachments.tests.files import PNG
from qhse.errors import AnotherPersonMust, RecordHasChanged

pytestmark = pytest.mark.django_db


def counts_of(nc_id):
    names = ("actions_open", "actions_to_verify", "actions_effective", "corrective_effective")
    return NonConformity.objects.values_list(*names).get(pk=nc_id)


def put(action, users):
    """Attach a photo to an action."""
    given = {"entity_type": "action", "entity_id": str(action.pk), "name": "bore.png", "content": io.BytesIO(PNG)}
    return attach(**given, actor=users["quality"])


def entry(action):
    return AuditEntry.objects.get(action=action)


class TestOpenAction:
    def test_a_case_takes_so_many_and_no_more(self, make_action, monkeypatch):
        monkeypatch.setattr("ncs.services.actions.MOST_ACTIONS", 2)
        first = make_action()
        make_action(nc_id=first.nc_id)

        with pytest.raises(CaseHasTooManyActions, match="has 2 actions"):
            make_action(nc_id=first.nc_id)

    def test_belongs_to_who_asks_and_is_due_with_its_case_unless_somebody_says_otherwise(self, users, make_action):
        action = make_action()

        assert (action.owner_id, action.contact, action.status) == (users["quality"].pk, "", ActionStatus.OPEN)
        assert action.due_on == action.nc.due_on
        assert counts_of(action.nc_id) == (1, 0, 0, 0)
        assert entry("CAPA_OPENED").changes == {
            "nc_id": [None, action.nc_id],
            "kind": [None, "corrective"],
            "status": [None, "OPEN"],
            "title": [None, action.title],
            "owner_id": [None, users["quality"].pk],
            "due_on": [None, action.due_on.isoformat()],
        }
        assert_published(ActionOpened, action_id=action.pk, nc_id=action.nc_id, kind="corrective")

    def test_may_belong_to_somebody_at_the_supplier(self, make_action):
        action = make_action(contact="Anna Weiss, quality")

        assert (action.owner_id, action.contact) == (None, "Anna Weiss, quality")

    def test_changes_the_version_of_its_case_so_that_who_is_closing_it_notices(self, make_action):
        assert make_action().nc.version == 2

    @pytest.mark.parametrize(
        ("values", "refusal", "field"),
        [
            ({"kind": "punishment"}, DetailIsInvalid, "kind"),
            ({"title": " "}, DetailIsInvalid, "title"),
            ({"title": "x" * 201}, DetailIsInvalid, "title"),
            ({"title": "a\u200bb"}, DetailIsInvalid, "title"),
            ({"contact": "x" * 151}, DetailIsInvalid, "contact"),
            ({"owner_id": 4711}, OwnerIsUnknown, "owner_id"),
            ({"owner_id": "quality", "contact": "Anna Weiss"}, DetailIsInvalid, "owner_id"),
        ],
    )
    def test_refuses_what_makes_no_plan_and_leaves_nothing(
        self, users, make_nc, make_action, row_counts, values, refusal, field
    ):
        nc = make_nc()
        if values.get("owner_id") == "quality":
            values = values | {"owner_id": users["quality"].pk}
        before = row_counts()

        with pytest.raises(refusal) as refused:
            make_action(nc_id=nc.pk, **values)

        assert refused.value.field == field
        assert row_counts() == before
        assert counts_of(nc.pk) == (0, 0, 0, 0)

    def test_is_refused_on_a_closed_case(self, users, make_nc, make_action):
        nc = close_nonconformity(nc_id=make_nc().pk, actor=users["quality"])

        with pytest.raises(NonConformityIsClosed):
            make_action(nc_id=nc.pk)


class TestChangeAction:
    def test_hands_it_to_another_person_or_to_the_supplier(self, users, make_action):
        action = make_action()

        change_action(action_id=action.pk, values={"contact": "Anna Weiss"}, actor=users["admin"])
        changed = change_action(action_id=action.pk, values={"owner_id": users["admin"].pk}, actor=users["admin"])

        assert (changed.owner_id, changed.contact, changed.version) == (users["admin"].pk, "", 3)
        assert AuditEntry.objects.filter(action="CAPA_CHANGED").count() == 2
        assert_published(ActionChanged, owner_id=users["admin"].pk)

    def test_asks_why_for_another_due_date(self, users, make_action):
        action = make_action()
        later = {"due_on": action.due_on + timedelta(days=1)}

        with pytest.raises(ReasonIsMissing):
            change_action(action_id=action.pk, values=later, actor=users["quality"])

        change_action(action_id=action.pk, values=later, actor=users["quality"], reason="Tool is late")
        assert entry("CAPA_CHANGED").reason == "Tool is late"

    def test_stores_nothing_when_nothing_differs(self, users, make_action):
        action = make_action()

        with assert_publishes_nothing():
            changed = change_action(action_id=action.pk, values={"title": action.title}, actor=users["quality"])

        assert changed.version == 1

    def test_is_refused_once_it_is_completed(self, users, completed):
        with pytest.raises(ActionMoveIsForbidden, match="changes no more"):
            change_action(action_id=completed().pk, values={"title": "Another"}, actor=users["quality"])


class TestTheWayOfAnAction:
    def test_leads_from_its_beginning_to_its_verification(self, users, make_action):
        action = make_action()

        start_action(action_id=action.pk, actor=users["quality"])
        complete_action(action_id=action.pk, note="Interval is set", actor=users["quality"])
        assert counts_of(action.nc_id) == (0, 1, 0, 0)
        done = verify_action(action_id=action.pk, effective=True, note="No burr in 3 lots", actor=users["admin"])

        assert (done.status, done.done_by_id, done.verified_by_id) == (
            "EFFECTIVE", users["quality"].pk, users["admin"].pk,
        )  # fmt: skip
        assert counts_of(action.nc_id) == (0, 0, 1, 1)
        assert_published(ActionStarted, action_id=action.pk)
        assert_published(ActionDone, done_by=users["quality"].pk)
        assert_published(ActionVerified, effective=True, follow_up_id=None)
        assert entry("CAPA_VERIFIED").changes["status"] == ["DONE", "EFFECTIVE"]

    @pytest.mark.parametrize("kind", ActionKind)
    def test_counts_only_corrective_action_as_removing_the_cause(self, users, completed, kind):
        action = completed(kind=kind.value)

        verify_action(action_id=action.pk, effective=True, note="Looked", actor=users["admin"])

        assert counts_of(action.nc_id) == (0, 0, 1, int(kind == "corrective"))

    @pytest.mark.parametrize("kind", ActionKind)
    def test_must_begin_before_it_is_completed_unless_it_is_containment(self, users, make_action, kind):
        action = make_action(kind=kind.value)
        complete = {"action_id": action.pk, "note": "Sorted", "actor": users["quality"]}

        if kind == ActionKind.CONTAINMENT:
            assert complete_action(**complete).status == ActionStatus.DONE
        else:
            with pytest.raises(ActionMoveIsForbidden, match="has not begun"):
                complete_action(**complete)

    def test_begins_once(self, users, make_action):
        action = make_action()
        start_action(action_id=action.pk, actor=users["quality"])

        with assert_publishes_nothing():
            start_action(action_id=action.pk, actor=users["admin"])

    def test_is_not_verified_by_who_completed_it(self, users, completed):
        action = completed()

        with pytest.raises(AnotherPersonMust):
            verify_action(action_id=action.pk, effective=True, note="Fine", actor=users["quality"])

        assert counts_of(action.nc_id) == (0, 1, 0, 0)

    def test_is_verified_once(self, users, completed):
        action = completed()
        verify_action(action_id=action.pk, effective=True, note="Looked", actor=users["admin"])

        with pytest.raises(ActionMoveIsForbidden, match="cannot be verified: it is effective"):
            verify_action(action_id=action.pk, effective=False, note="Looked again", actor=users["admin"])

    def test_that_did_not_help_has_another_in_its_place_at_once(self, users, completed):
        action = completed()

        verify_action(action_id=action.pk, effective=False, note="Burr again", actor=users["admin"])

        follow_up = CorrectiveAction.objects.get(follow_up_of=action)
        assert (follow_up.status, follow_up.kind, follow_up.title) == ("OPEN", action.kind, action.title)
        assert (follow_up.owner_id, follow_up.nc_id) == (action.owner_id, action.nc_id)
        assert counts_of(action.nc_id) == (1, 0, 0, 0)
        assert_published(ActionVerified, effective=False, follow_up_id=follow_up.pk)
        assert_published(ActionOpened, action_id=follow_up.pk, follow_up_of=action.pk)
        with pytest.raises(ActionMoveIsForbidden, match="takes the place"):
            cancel_action(action_id=follow_up.pk, reason="Never mind", actor=users["quality"])

    @pytest.mark.parametrize("note", ["", " ", "x" * 2001])
    def test_asks_what_was_done_and_how_it_was_verified(self, users, make_action, completed, note):
        running = make_action(kind="containment")

        with pytest.raises(DetailIsInvalid):
            complete_action(action_id=running.pk, note=note, actor=users["quality"])
        with pytest.raises(DetailIsInvalid):
            verify_action(action_id=completed().pk, effective=True, note=note, actor=users["admin"])

    def test_a_file_on_the_action_is_as_good_as_a_note_while_it_is_in_force(self, users, make_action):
        action, other = make_action(kind="containment"), make_action(kind="containment")
        photo = put(action, users)

        void_attachment(attachment_id=photo.pk, reason="Another lot", actor=users["quality"])
        for each in (action, other):
            with pytest.raises(DetailIsInvalid, match="attach a file"):
                complete_action(action_id=each.pk, actor=users["quality"])
        put(action, users)
        done = complete_action(action_id=action.pk, actor=users["quality"])
        assert (done.status, done.done_note) == ("DONE", "")

    def test_that_a_file_completed_keeps_one_in_force(self, users, make_action):
        action = make_action(kind="containment")
        wrong = put(action, users)
        complete_action(action_id=action.pk, note="", actor=users["quality"])
        reason = {"reason": "Another lot", "actor": users["quality"]}

        with pytest.raises(RecordNeedsAFile, match="Attach the right one first"):
            void_attachment(attachment_id=wrong.pk, **reason)
        right = put(action, users)
        void_attachment(attachment_id=wrong.pk, **reason)
        with pytest.raises(RecordNeedsAFile):
            void_attachment(attachment_id=right.pk, **reason)

        assert Attachment.objects.filter(voided_at=None).get() == right

    def test_that_a_note_completed_may_lose_its_files(self, users, make_action):
        action = make_action(kind="containment")
        file = put(action, users)
        complete_action(action_id=action.pk, note="Sorted", actor=users["quality"])

        void_attachment(attachment_id=file.pk, reason="Another lot", actor=users["quality"])

        assert not Attachment.objects.filter(voided_at=None).exists()


class TestCancelAction:
    def test_is_told_why_and_counts_no_more(self, users, make_action):
        action = make_action()

        cancel_action(action_id=action.pk, reason="Part is not made any more", actor=users["quality"])

        assert counts_of(action.nc_id) == (0, 0, 0, 0)
        assert entry("CAPA_CANCELLED").reason == "Part is not made any more"
        assert_published(ActionCancelled, reason="Part is not made any more")
        with assert_publishes_nothing():
            cancel_action(action_id=action.pk, reason="Again", actor=users["quality"])

    def test_asks_why(self, users, make_action):
        with pytest.raises(ReasonIsMissing):
            cancel_action(action_id=make_action().pk, reason="", actor=users["quality"])

    def test_is_refused_once_it_is_completed(self, users, completed):
        with pytest.raises(ActionMoveIsForbidden, match="cannot be cancelled"):
            cancel_action(action_id=completed().pk, reason="Never mind", actor=users["quality"])

    def test_happens_to_all_that_runs_when_the_case_was_a_mistake(self, users, make_nc, make_action):
        nc = make_nc()
        first, second = make_action(nc_id=nc.pk), make_action(nc_id=nc.pk)

        void_nonconformity(nc_id=nc.pk, actor=users["quality"], reason="Measured with the wrong gauge")

        assert set(CorrectiveAction.objects.values_list("status", flat=True)) == {"CANCELLED"}
        assert AuditEntry.objects.filter(action="CAPA_CANCELLED").count() == 2
        assert counts_of(nc.pk) == (0, 0, 0, 0)
        assert {first.nc_id, second.nc_id} == {nc.pk}


class TestEveryStepOfAnAction:
    STEPS = {
        "change": (change_action, {"values": {"title": "Another"}}),
        "start": (start_action, {}),
        "complete": (complete_action, {"note": "Done"}),
        "verify": (verify_action, {"effective": True, "note": "Looked"}),
        "cancel": (cancel_action, {"reason": "Never mind"}),
    }

    @pytest.mark.parametrize("step", STEPS)
    def test_is_refused_without_an_action_on_a_closed_case_and_with_an_old_version(
        self, users, make_action, row_counts, step
    ):
        service, values = self.STEPS[step]
        action = make_action(kind="containment")

        with pytest.raises(ActionNotFound):
            service(action_id=4711, actor=users["admin"], **values)
        with pytest.raises(RecordHasChanged):
            service(action_id=action.pk, actor=users["admin"], expected_versions={9}, **values)
        void_nonconformity(nc_id=action.nc_id, actor=users["admin"], reason="Mistake")
        before = row_counts()
        with pytest.raises(NonConformityIsClosed):
            service(action_id=action.pk, actor=users["admin"], **values)
        assert row_counts() == before
