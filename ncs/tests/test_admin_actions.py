"""Actions on their pages: what waits stands in the list, and each step is offered to who may take it now."""

from __future__ import annotations

import re

import pytest

from ncs.models import CorrectiveAction
from ncs.services import cancel_action, close_nonconformity, verify_action

pytestmark = pytest.mark.django_db
LIST = "/admin/ncs/correctiveaction/"


@pytest.fixture
def opened(client, users):
    def get(role, path, **query):
        client.force_login(users[role])
        return client.get(path, query).content.decode()

    return get


def steps_in(page):
    return re.findall(r'<a href="\?step=(\w+)#act"', page)


class TestTheList:
    def test_shows_what_is_not_settled_unless_asked_otherwise(self, users, opened, make_action, completed):
        running, done, gone = make_action(title="Run"), completed(title="Verify me"), make_action(title="Gone")
        cancel_action(action_id=gone.pk, reason="No use", actor=users["quality"])

        shown = opened("auditor", LIST)

        assert running.title in shown and done.title in shown and gone.title not in shown
        assert gone.title in opened("auditor", LIST, status="all")
        assert running.title not in opened("auditor", LIST, status="DONE")

    def test_finds_a_case_by_its_number_and_words_of_what_is_to_be_done(self, opened, make_action):
        first, second = make_action(title="Wärmebehandlung prüfen"), make_action(title="Train the shift")

        assert second.title not in opened("quality", LIST, q=first.nc.number)
        assert first.title in opened("quality", LIST, q=first.nc.number)
        assert first.title in opened("quality", LIST, q="warmebehandlung")

    def test_filters_by_whose_it_is_and_what_is_late(self, users, opened, make_action):
        mine, others = make_action(title="Own tool"), make_action(title="Others", contact="Anna Weiss")
        CorrectiveAction.objects.filter(pk=others.pk).update(due_on="2026-01-01")

        assert others.title not in opened("quality", LIST, owner="me")
        assert mine.title not in opened("quality", LIST, overdue="yes")
        assert "overdue" in opened("quality", LIST, overdue="yes")


class TestANewOne:
    def test_without_an_owner_is_of_who_agrees_on_it(self, client, users, make_nc):
        client.force_login(users["quality"])

        client.post(f"{LIST}add/", {"nc": make_nc().pk, "kind": "corrective", "title": "New tool"})

        assert CorrectiveAction.objects.get().owner == users["quality"]


class TestThePage:
    def test_offers_the_steps_that_can_be_taken_now(self, opened, make_action):
        action = make_action()

        assert steps_in(opened("quality", f"{LIST}{action.pk}/change/")) == ["start", "change", "cancel", "add_file"]
        assert steps_in(opened("auditor", f"{LIST}{action.pk}/change/")) == []

    def test_offers_verification_to_another_person_alone(self, opened, completed):
        action = completed()

        assert steps_in(opened("quality", f"{LIST}{action.pk}/change/")) == ["add_file"]
        assert steps_in(opened("admin", f"{LIST}{action.pk}/change/")) == ["verify", "add_file"]

    def test_of_a_follow_up_cannot_be_cancelled(self, users, opened, completed):
        verify_action(action_id=completed().pk, effective=False, note="Again", actor=users["admin"])
        follow_up = CorrectiveAction.objects.latest("id")

        page = opened("quality", f"{LIST}{follow_up.pk}/change/")

        assert steps_in(page) == ["start", "change", "add_file"]
        assert "Takes the place of" in page

    def test_says_what_was_done_and_found(self, users, opened, completed, make_nc):
        nc = make_nc()
        action = completed(nc_id=nc.pk)
        verify_action(action_id=action.pk, effective=True, note="No burr in 3 lots", actor=users["admin"])
        close_nonconformity(nc_id=nc.pk, actor=users["quality"])

        page = opened("auditor", f"{LIST}{action.pk}/change/")

        assert "Interval is set" in page and "No burr in 3 lots" in page


class TestALateForm:
    def test_for_an_action_that_was_cancelled_meanwhile_gives_the_text_back(self, client, users, make_action):
        action = make_action(kind="containment")
        client.force_login(users["quality"])
        cancel_action(action_id=action.pk, reason="No use", actor=users["admin"])

        answer = client.post(f"{LIST}{action.pk}/change/?step=complete", {"note": "Sorted 3 pallets"}, follow=True)

        (told,) = [str(each) for each in answer.context["messages"]]
        assert "is cancelled already, by admin" in told
        assert told.endswith("You had written: What was done: Sorted 3 pallets")
