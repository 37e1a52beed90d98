"""What waits for a person: their cases, their actions, what they can verify; overdue first."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from ncs.models import CorrectiveAction, NonConformity
from ncs.services import assign_nonconformity, cancel_action, close_nonconformity
from ncs.work import work_of
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db


@pytest.fixture
def give(users, make_nc):
    def make(owner, **values):
        nc = make_nc(**values)
        return assign_nonconformity(nc_id=nc.pk, owner_id=users[owner].pk if owner else None, actor=users["quality"])

    return make


class TestWork:
    def test_has_ones_own_open_cases_the_soonest_due_first(self, users, give):
        low, high = give("admin", severity="low"), give("admin", severity="high")
        give("quality"), give(None)
        close_nonconformity(nc_id=give("admin").pk, actor=users["quality"])

        work = work_of(users["admin"])

        assert (work.cases, work.cases_total) == ([high, low], 2)

    def test_has_ones_own_running_actions_the_soonest_due_first(self, users, make_action):
        later = make_action(owner_id=users["admin"].pk)
        sooner = make_action(owner_id=users["admin"].pk, due_on=later.due_on - timedelta(days=1))
        make_action(), make_action(contact="Anna Weiss")
        gone = make_action(owner_id=users["admin"].pk)
        cancel_action(action_id=gone.pk, reason="No use", actor=users["quality"])

        work = work_of(users["admin"])

        assert (work.actions, work.actions_total) == ([sooner, later], 2)

    def test_has_what_one_can_verify_and_never_ones_own(self, users, give, completed):
        mine, nobodys, others = give("admin"), give(None), give("quality")
        to_verify = [completed(nc_id=nc.pk) for nc in (mine, nobodys, others)]

        assert work_of(users["admin"]).to_verify == to_verify  # of the last, its owner completed the action
        assert work_of(users["quality"]).to_verify == []

    def test_leaves_to_the_owner_what_they_can_verify(self, users, give, completed, make_nc):
        second = type(users["admin"]).objects.create(username="lena", role="quality")
        completed(nc_id=give("admin").pk)

        assert len(work_of(users["admin"]).to_verify) == 1
        assert work_of(second).to_verify == []

    def test_of_an_owner_who_has_left_is_everybodys(self, users, give, completed):
        action = completed(nc_id=give("admin").pk)
        type(users["admin"]).objects.filter(pk=users["admin"].pk).update(is_active=False)
        lena = type(users["admin"]).objects.create(username="lena", role="quality")

        assert work_of(lena).to_verify == [action]

    @pytest.mark.parametrize("role", ["procurement", "auditor"])
    def test_of_who_works_on_no_cases_is_empty(self, users, api, give, completed, role):
        completed(nc_id=give(None).pk)

        assert api(role).get("/me/work").json() == {
            "cases_total": 0, "cases": [], "actions_total": 0, "actions": [], "to_verify_total": 0, "to_verify": [],
            "certificates_to_verify_total": 0, "certificates_to_verify": [], "certificates_to_renew_total": 0,
            "certificates_to_renew": [],
        }  # fmt: skip

    def test_of_quality_has_the_certificates_to_verify_and_never_ones_own(self, users, make_certificate):
        first, own = make_certificate(), make_certificate(actor=users["admin"])
        make_certificate(verified=True)

        assert work_of(users["quality"]).certificates_to_verify == [first, own]
        assert work_of(users["admin"]).certificates_to_verify == [first]
        assert [work_of(users[role]).certificates_to_verify_total for role in ("procurement", "auditor")] == [0, 0]

    def test_of_procurement_has_the_certificates_to_renew_the_most_urgent_first(
        self, users, api, make_certificate, make_supplier
    ):
        old = {"valid_from": date(2020, 1, 1)}
        ending, expired, _ = (make_certificate(days=days, **old) for days in (90, -3, 91))
        renewed, of_merged = make_certificate(days=5), make_certificate(days=5)
        make_certificate(supplier_id=renewed.supplier_id, number="2")
        Supplier.objects.filter(pk=of_merged.supplier_id).update(merged_into=make_supplier())

        body = api("procurement").get("/me/work").json()

        assert [row["id"] for row in body["certificates_to_renew"]] == [expired.pk, ending.pk]
        assert body["certificates_to_renew"][0]["supplier_name"] == expired.supplier.name
        assert [work_of(users[role]).certificates_to_renew_total for role in ("quality", "admin", "auditor")] == [0] * 3

    def test_is_told_to_programs(self, users, api, give, completed):
        nc = give("admin")
        action = completed(nc_id=nc.pk)

        body = api("admin").get("/me/work").json()

        assert [each["number"] for each in body["cases"]] == [nc.number]
        assert [each["id"] for each in body["to_verify"]] == [action.pk]


class TestMoreThanAreShown:
    @pytest.fixture(autouse=True)
    def two_are_shown(self, monkeypatch):
        monkeypatch.setattr("ncs.work.MOST", 2)

    @pytest.mark.parametrize("number", [1, 2, 3])
    def test_are_counted(self, users, give, make_action, completed, make_certificate, number):
        for _ in range(number):
            nc = give("admin")
            completed(nc_id=nc.pk)
            make_action(nc_id=nc.pk, owner_id=users["admin"].pk)
            make_certificate()

        work = work_of(users["admin"])

        for name in ("cases", "actions", "to_verify", "certificates_to_verify"):
            shown, total = getattr(work, name), getattr(work, f"{name}_total")
            assert (len(shown), total) == (min(number, 2), number), name

    def test_of_certificates_to_renew_are_counted(self, users, make_certificate):
        for _ in range(3):
            make_certificate(days=5, valid_from=date(2020, 1, 1))

        work = work_of(users["procurement"])
        assert (len(work.certificates_to_renew), work.certificates_to_renew_total) == (2, 3)


class TestOverdue:
    def test_is_what_was_due_before_today(self, api, give, make_action):
        late, today = give("admin"), give("admin")
        NonConformity.objects.filter(pk=late.pk).update(due_on=late.created_at.date() - timedelta(days=1))
        NonConformity.objects.filter(pk=today.pk).update(due_on=today.created_at.date())
        action = make_action(nc_id=today.pk)
        CorrectiveAction.objects.update(due_on=today.created_at.date() - timedelta(days=1))
        client = api("auditor")

        assert [row["id"] for row in client.get("/ncs?overdue=true").json()["results"]] == [late.pk]
        assert [row["overdue"] for row in client.get("/ncs?overdue=false").json()["results"]] == [False]
        assert [row["id"] for row in client.get("/actions?overdue=true").json()["results"]] == [action.pk]
        assert client.get(f"/ncs/{late.pk}").json()["overdue"] is True
