"""The steps of a case: each with its entry and event, each saying the same once, none on a closed case."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import AuditEntry
from ncs.errors import (
    DetailIsInvalid,
    NonConformityIsClosed,
    NonConformityMoveIsForbidden,
    NonConformityNotFound,
    OwnerIsUnknown,
    ReasonIsMissing,
)
from ncs.events import (
    NonConformityAnalysed,
    NonConformityAssigned,
    NonConformityConceded,
    NonConformityContained,
    NonConformityDispositioned,
)
from ncs.services import (
    analyse_nonconformity,
    assign_nonconformity,
    close_nonconformity,
    concede_nonconformity,
    contain_nonconformity,
    correct_nonconformity,
    dispose_nonconformity,
    void_nonconformity,
)
from outbox.testing import assert_published, assert_publishes_nothing
from qhse.errors import AnotherPersonMust, RecordHasChanged

pytestmark = pytest.mark.django_db

CAUSE = {"cause_code": "machine", "root_cause": "Worn tool. Why? No interval. Why? New part, plan copied"}
REWORK = {"disposition": "rework", "disposition_qty": 40, "reason": "Bore can be reamed"}
USE = {"disposition": "use_as_is", "reason": "Function is not affected"}
# Each step: its service, what it is given, its action in the trail, its event, and what it sets.
STEPS = {
    "assign": (assign_nonconformity, {"owner_id": "admin"}, "NC_ASSIGNED", NonConformityAssigned, ("owner_id",)),
    "contain": (contain_nonconformity, {"containment": "Lot blocked, customer warned"}, "NC_CONTAINED",
                NonConformityContained, ("containment", "contained_at", "contained_by_id")),
    "analyse": (analyse_nonconformity, CAUSE, "NC_ANALYSED", NonConformityAnalysed,
                ("cause_code", "root_cause", "analysed_at", "analysed_by_id")),
    "dispose": (dispose_nonconformity, REWORK, "NC_DISPOSITIONED", NonConformityDispositioned,
                ("disposition", "disposition_qty", "disposition_reason", "disposed_at", "disposed_by_id")),
}  # fmt: skip
every_step = pytest.mark.parametrize("step", STEPS)


@pytest.fixture
def take(users):
    """Take a step by quality. Names of users among its values become their ids."""

    def perform(step, nc, actor="quality", **overrides):
        service, values, *_ = STEPS[step]
        values = values | overrides
        if isinstance(values.get("owner_id"), str):
            values["owner_id"] = users[values["owner_id"]].pk
        return service(nc_id=nc.pk, actor=users[actor], **values)

    return perform


def entry(action):
    return AuditEntry.objects.get(action=action)


class TestEveryStep:
    @every_step
    def test_stores_what_it_says_and_who_said_it(self, make_nc, take, step):
        nc = make_nc()

        take(step, nc)

        nc.refresh_from_db()
        *_, event, fields = STEPS[step]
        assert nc.version == 2
        assert all(getattr(nc, name) not in (None, "") for name in fields)
        assert set(entry(STEPS[step][2]).changes) == set(fields)
        assert_published(event, nc_id=nc.pk, supplier_id=nc.supplier_id, severity="medium")

    @every_step
    def test_says_the_same_once(self, make_nc, take, step):
        nc = make_nc()
        take(step, nc)

        with assert_publishes_nothing():
            assert take(step, nc, actor="admin").version == 2

        entry(STEPS[step][2])

    @every_step
    def test_is_refused_on_a_closed_case_and_leaves_nothing(self, users, make_nc, take, row_counts, step):
        nc = close_nonconformity(nc_id=make_nc().pk, actor=users["quality"])
        before = row_counts()

        with pytest.raises(NonConformityIsClosed, match=f"{nc.number} is closed. Reopen it first"):
            take(step, nc)

        assert row_counts() == before

    @every_step
    def test_is_refused_when_the_case_has_changed_since(self, make_nc, take, step):
        nc = make_nc()

        with pytest.raises(RecordHasChanged):
            take(step, nc, expected_versions={7})

        assert take(step, nc, expected_versions={1}).version == 2

    @every_step
    def test_is_refused_without_a_case(self, users, make_nc, take, step):
        nc = make_nc()
        nc.pk = 4711

        with pytest.raises(NonConformityNotFound):
            take(step, nc)


class TestAssign:
    def test_gives_a_case_back_to_nobody(self, make_nc, take):
        nc = make_nc()
        take("assign", nc)

        assert take("assign", nc, owner_id=None).owner_id is None

    @pytest.mark.parametrize("who", ["procurement", "auditor"])
    def test_gives_it_to_nobody_who_could_not_work_on_it(self, make_nc, take, who):
        with pytest.raises(OwnerIsUnknown) as refusal:
            take("assign", make_nc(), owner_id=who)

        assert refusal.value.field == "owner_id"

    def test_gives_it_to_nobody_who_has_left(self, users, make_nc, take):
        users["admin"].is_active = False
        users["admin"].save()

        with pytest.raises(OwnerIsUnknown):
            take("assign", make_nc())

    def test_lets_an_owner_who_has_left_stand_when_only_the_date_changes(self, users, make_nc, take):
        nc = make_nc()
        take("assign", nc)
        users["admin"].is_active = False
        users["admin"].save()

        assert take("assign", nc, due_on=nc.due_on + timedelta(days=7), reason="Tool is late").version == 3

    def test_asks_why_for_another_due_date(self, make_nc, take):
        nc = make_nc()
        later = nc.due_on + timedelta(days=7)

        with pytest.raises(ReasonIsMissing):
            take("assign", nc, due_on=later)
        take("assign", nc, due_on=later, reason="Tool is late")

        assert entry("NC_ASSIGNED").reason == "Tool is late"
        assert_published(NonConformityAssigned, due_on=later.isoformat())


class TestContain:
    def test_keeps_the_time_of_the_first_containment_when_it_is_said_anew(self, make_nc, take):
        nc = make_nc()
        first = take("contain", nc).contained_at

        again = take("contain", nc, actor="admin", containment="Lot returned")

        assert (again.contained_at, again.contained_by.username) == (first, "admin")

    @pytest.mark.parametrize("text", ["", " \n ", "x" * 2001])
    def test_demands_a_text_that_can_be_kept(self, make_nc, take, text):
        with pytest.raises(DetailIsInvalid) as refusal:
            take("contain", make_nc(), containment=text)

        assert refusal.value.field == "containment"


class TestAnalyse:
    @pytest.mark.parametrize("code", ["", "witchcraft", None])
    def test_demands_a_class_that_it_knows(self, make_nc, take, code):
        with pytest.raises(DetailIsInvalid) as refusal:
            take("analyse", make_nc(), cause_code=code)

        assert refusal.value.field == "cause_code"


class TestDispose:
    def test_asks_why(self, make_nc, take):
        with pytest.raises(ReasonIsMissing):
            take("dispose", make_nc(), reason=" ")

    def test_takes_a_concession_back_when_it_decides_anew(self, users, make_nc, take):
        nc = make_nc()
        take("dispose", nc, **USE)
        concede_nonconformity(nc_id=nc.pk, actor=users["admin"], reason="Drawing allows it")

        assert take("dispose", nc, **REWORK).concession_by_id is None


class TestConcede:
    @pytest.fixture
    def used(self, make_nc, take):
        return take("dispose", make_nc(), **USE)

    def test_is_given_by_another_person_once(self, users, used):
        nc = concede_nonconformity(nc_id=used.pk, actor=users["admin"], reason="Drawing allows it")

        assert nc.concession_by_id == users["admin"].pk
        assert entry("NC_CONCESSION_GIVEN").reason == "Drawing allows it"
        with assert_publishes_nothing():
            concede_nonconformity(nc_id=used.pk, actor=users["admin"], reason="Again")
        assert_published(NonConformityConceded, nc_id=used.pk)

    def test_is_not_given_by_who_reported_the_case(self, users, used):
        with pytest.raises(AnotherPersonMust, match="somebody else than who reported"):
            concede_nonconformity(nc_id=used.pk, actor=users["quality"], reason="Drawing allows it")

    @pytest.mark.parametrize(
        "values",
        [{"severity": "low"}, {"description": "It is hardly to be seen"}, {"qty_defective": 1, "qty_received": 9}],
    )
    def test_is_not_given_by_who_corrected_what_it_is_given_for(self, users, used, values):
        correct_nonconformity(nc_id=used.pk, values=values, actor=users["admin"], reason="Measured again")

        with pytest.raises(AnotherPersonMust, match="corrected what was recorded"):
            concede_nonconformity(nc_id=used.pk, actor=users["admin"], reason="Drawing allows it")
        assert entry("NC_CORRECTED").actor == "admin"

    def test_is_given_by_who_took_no_part_in_the_correction(self, users, used):
        correct_nonconformity(nc_id=used.pk, values={"part_no": "47"}, actor=users["quality"], reason="Mistyped")

        nc = concede_nonconformity(nc_id=used.pk, actor=users["admin"], reason="Drawing allows it")
        assert nc.concession_by_id == users["admin"].pk

    def test_may_be_given_by_who_made_the_case_repeat_another_one_in_passing(self, users, make_nc, take):
        first = make_nc(category="dimension")
        second = make_nc(supplier_id=first.supplier_id, category="dimension")
        assert second.repeat_of_id == first.pk
        used = take("dispose", second, **USE)
        void_nonconformity(nc_id=first.pk, actor=users["admin"], reason="Recorded by mistake")
        assert entry("NC_CORRECTED").actor == "admin"

        assert concede_nonconformity(nc_id=used.pk, actor=users["admin"], reason="Drawing allows it").concession_by_id

    def test_is_for_what_is_used_as_it_is_alone(self, users, make_nc, take):
        nc = take("dispose", make_nc(), **REWORK)

        with pytest.raises(NonConformityMoveIsForbidden):
            concede_nonconformity(nc_id=nc.pk, actor=users["admin"], reason="Drawing allows it")

    def test_asks_why(self, users, used):
        with pytest.raises(ReasonIsMissing):
            concede_nonconformity(nc_id=used.pk, actor=users["admin"], reason="")


def test_times_are_those_of_the_database(make_nc, take):
    nc = take("contain", make_nc())

    assert abs(nc.contained_at - timezone.now()) < timedelta(minutes=1)
