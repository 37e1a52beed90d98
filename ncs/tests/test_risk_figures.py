"""What cases and actions say about the risk: everything that moves a score, by the day, in two queries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ncs.models import CorrectiveAction, NonConformity
from ncs.risk_figures import case_figures
from ncs.services import (
    assign_nonconformity,
    cancel_action,
    close_nonconformity,
    complete_action,
    correct_nonconformity,
    open_action,
    start_action,
    verify_action,
    void_nonconformity,
)
from qhse import clock
from suppliers.models import RiskAssessment, Supplier
from suppliers.risk import CaseFigures, ClosedCase

pytestmark = pytest.mark.django_db


@pytest.fixture
def supplier(make_supplier):
    return make_supplier()


@pytest.fixture
def case(supplier, make_nc):
    return lambda **more: make_nc(supplier_id=supplier.pk, **more)


@pytest.fixture
def figures(supplier):
    return lambda day=None: case_figures([supplier.pk], day or clock.today()).get(supplier.pk, CaseFigures())


def backdated(nc, **columns):
    NonConformity.objects.filter(pk=nc.pk).update(**columns)


def at(days_ago):
    return clock.present() - timedelta(days=days_ago)


class TestCases:
    def test_that_are_open_and_past_their_day_are_overdue(self, case, figures):
        late, due_today = case(), case()
        backdated(late, due_on=clock.today() - timedelta(days=1))
        backdated(due_today, due_on=clock.today())

        assert sorted(figures().open) == [late.pk, due_today.pk]
        assert figures().overdue == (late.pk,)
        assert sorted(figures(clock.today() + timedelta(days=1)).overdue) == [late.pk, due_today.pk]

    def test_that_are_closed_count_for_a_year(self, case, figures, users):
        for days in (0, 365, 366):
            nc = close_nonconformity(nc_id=case(severity="high").pk, actor=users["quality"])
            backdated(nc, closed_at=at(days))

        assert sorted((each.severity, each.days) for each in figures().closed) == [("high", 0), ("high", 365)]

    def test_that_repeat_earlier_ones_count_for_a_year_open_or_closed(self, case, figures, users):
        first, again, closed, old = (case(part_no="4711") for _ in range(4))
        close_nonconformity(nc_id=closed.pk, actor=users["quality"])
        backdated(old, created_at=at(366))

        assert sorted(figures().repeats) == [again.pk, closed.pk]
        assert first.pk not in figures().repeats

    def test_that_were_mistakes_count_against_nobody(self, case, figures, users):
        case(part_no="4711")
        mistake = case(part_no="4711")
        void_nonconformity(nc_id=mistake.pk, actor=users["quality"], reason="Wrong gauge")

        assert (figures().closed, figures().repeats) == ((), ())

    def test_that_were_recorded_twice_count_once(self, case, figures, users):
        case(part_no="4711")
        twice = case(part_no="4711")
        close_nonconformity(nc_id=twice.pk, actor=users["quality"], closure_code="duplicate")

        assert (figures().closed, figures().repeats) == ((), ())

    def test_days_are_whole_days_in_utc(self, case, figures, users):
        nc = close_nonconformity(nc_id=case().pk, actor=users["quality"])
        backdated(nc, closed_at=datetime(2026, 11, 22, 23, 59, tzinfo=UTC))

        assert figures(datetime(2026, 11, 23, tzinfo=UTC).date()).closed == (ClosedCase(nc.pk, "medium", 1),)


class TestActions:
    def agreed(self, nc, users):
        return open_action(nc_id=nc.pk, kind="corrective", title="Tool change", actor=users["quality"])

    def test_that_run_and_are_past_their_day_are_overdue(self, case, figures, users):
        late, cancelled = (self.agreed(case(), users) for _ in range(2))
        CorrectiveAction.objects.update(due_on=clock.today() - timedelta(days=1))
        cancel_action(action_id=cancelled.pk, reason="No use", actor=users["quality"])

        assert figures().overdue_actions == (late.pk,)
        start_action(action_id=late.pk, actor=users["quality"])
        assert figures().overdue_actions == (late.pk,)
        complete_action(action_id=late.pk, note="Done", actor=users["quality"])
        assert figures().overdue_actions == ()

    @pytest.mark.parametrize(("effective", "days", "counts"), [(False, 365, 1), (False, 366, 0), (True, 0, 0)])
    def test_that_did_not_help_count_for_a_year(self, case, figures, users, effective, days, counts):
        action = self.agreed(case(), users)
        start_action(action_id=action.pk, actor=users["quality"])
        complete_action(action_id=action.pk, note="Done", actor=users["quality"])
        verify_action(action_id=action.pk, effective=effective, note="Looked", actor=users["admin"])
        CorrectiveAction.objects.filter(pk=action.pk).update(verified_at=at(days))

        assert len(figures().ineffective) == counts


def test_many_suppliers_cost_as_many_queries_as_one(make_supplier, make_nc):
    ids = [make_nc(supplier_id=make_supplier().pk).supplier_id for _ in range(6)]
    today = clock.today()

    with CaptureQueriesContext(connection) as asked:
        found = case_figures(ids, today)

    assert len(asked) == 2
    assert sorted(found) == sorted(ids)


class TestEvents:
    """Each of these lets the worker look at the supplier again."""

    def test_of_due_dates_and_actions_move_the_score(self, case, supplier, users, drain):
        nc = case(severity="low")
        drain()

        def score():
            drain()
            return Supplier.objects.get(pk=supplier.pk).risk_score

        past = clock.today() - timedelta(days=1)
        assert score() == 2
        assign_nonconformity(nc_id=nc.pk, owner_id=None, due_on=past, reason="Late", actor=users["quality"])
        assert score() == 6
        action = open_action(nc_id=nc.pk, kind="corrective", title="Tool change", due_on=past, actor=users["quality"])
        assert score() == 10
        start_action(action_id=action.pk, actor=users["quality"])
        complete_action(action_id=action.pk, note="Done", actor=users["quality"])
        assert score() == 6
        verify_action(action_id=action.pk, effective=False, note="Looked", actor=users["admin"])
        assert score() == 10
        causes = [row.cause for row in RiskAssessment.objects.order_by("id")]
        assert causes[:4] == ["NC_CREATED", "NC_ASSIGNED", "CAPA_OPENED", "CAPA_DONE"]

    def test_of_a_case_that_moves_move_both_suppliers(self, case, supplier, make_supplier, users, drain):
        nc, other = case(severity="high"), make_supplier()
        drain()

        correct_nonconformity(nc_id=nc.pk, values={"supplier_id": other.pk}, reason="Misread", actor=users["quality"])
        drain()

        scores = dict(Supplier.objects.values_list("pk", "risk_score"))
        assert scores == {supplier.pk: 0, other.pk: 50}
