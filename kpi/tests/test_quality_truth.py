"""The figures of today are what a count of the rows gives, and a past day keeps what was true on it."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db.models import F, Q, Sum

from kpi.models import SummedDay
from kpi.movements.summing import sum_days
from kpi.quality import quality_figures
from kpi.tests.year import WHY, Year
from ncs.choices import ClosureCode
from ncs.models import CorrectiveAction, NonConformity
from ncs.services import close_nonconformity, correct_nonconformity, reopen_nonconformity, void_nonconformity
from suppliers.choices import RiskLevel
from suppliers.models import Certificate, Supplier, SupplierVolume, level_on

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)


@pytest.fixture(params=[0, 1, 3], ids=["clock right", "clock a day ahead at times", "clock three days ahead at times"])
def days_of_work(request, users, move_clock):
    """Seventy days of random work, the last of which is not over. The worker may have summed days that are to come."""
    year, chance = Year(users, random.Random(10_2), move_clock), random.Random(7)
    for number in range(70):
        now = NOON + timedelta(days=number - 69)
        move_clock(now + timedelta(days=request.param) if chance.random() < 0.3 else now)
        sum_days()
        move_clock(now)
        year.work(now)
    return year


@pytest.mark.parametrize("of_one", [False, True], ids=["of all", "of one supplier"])
def test_every_figure_of_today_equals_a_count_of_the_rows(days_of_work, of_one):
    chosen = {"supplier_id": _busiest()} if of_one else {}
    today, first = NOON.date(), NOON.date() - timedelta(days=40)

    figures = quality_figures(first=first, **chosen)

    cases = NonConformity.objects.filter(**chosen).exclude(closure_code=ClosureCode.UNFOUNDED)
    opened = cases.filter(created_at__date__gte=first)
    closed = cases.filter(closed_at__date__gte=first)
    assert figures.open["n"] == cases.open().count() > 0
    assert figures.open["by_severity"] == {
        name: cases.open().filter(severity=name).count() for name in ("low", "medium", "high")
    }
    assert figures.overdue["overdue"] == cases.overdue(today=today).count()
    assert figures.time_to_close["n"] == closed.count() > 0
    assert figures.repeats == {
        "n": opened.count(), "repeats": opened.filter(repeat_of__isnull=False).count(), "rate": figures.repeats["rate"],
    }  # fmt: skip
    assert figures.containment["n"] == cases.filter(contained_at__date__gte=first).count()
    assert figures.containment["open_not_contained"] == cases.open().filter(containment="").count()
    assert figures.reopened["reopened"] == closed.filter(reopened_count__gt=0).count()
    assert figures.closed_with_gaps["with_gaps"] == closed.exclude(closure_gaps=[]).count()
    assert figures.on_time_closure["on_time"] == closed.filter(closed_at__date__lte=F("due_on")).count()
    assert figures.cost["n"] == opened.filter(cost__isnull=False).count()
    assert sum(row["n"] for row in figures.pareto_category) == opened.count()
    assert sum(row["n"] for row in figures.pareto_supplier) == opened.count()
    (march,) = [row for row in figures.by_month if row["month"] == "2026-03"]
    (february,) = [row for row in figures.by_month if row["month"] == "2026-02"]
    assert march["opened"] == cases.filter(created_at__date__gte=date(2026, 3, 1)).count()
    before = Q(closed_at__isnull=True) | Q(closed_at__date__gte=date(2026, 3, 1))
    assert february["backlog"] == cases.filter(before, created_at__date__lt=date(2026, 3, 1)).count()


@pytest.mark.parametrize("of_one", [False, True], ids=["of all", "of one supplier"])
def test_what_is_beside_the_cases_equals_the_rows_too(days_of_work, of_one):
    chosen = {"supplier_id": _busiest()} if of_one else {}
    today = NOON.date()

    figures = quality_figures(**chosen)

    actions = CorrectiveAction.objects.filter(**({"nc__supplier_id": chosen["supplier_id"]} if of_one else {}))
    assert (figures.actions["running"], figures.actions["overdue"]) == (
        actions.running().count(), actions.overdue(today=today).count(),
    )  # fmt: skip
    assert figures.actions["effective"] == actions.filter(status="EFFECTIVE").count()
    assert figures.actions["verified"] == actions.filter(verified_at__isnull=False).count()
    certificates = Certificate.objects.filter(**chosen)
    assert figures.certificates["n"] == certificates.current().count() > 0
    assert figures.certificates["expired"] == certificates.expired(today=today).count()
    assert figures.certificates["expiring_90_days"] == certificates.ending_within(90, today=today).count()
    assert figures.certificates["unverified"] == certificates.filter(status="submitted").count()
    suppliers = Supplier.objects.filter(merged_into=None, **({"pk": chosen["supplier_id"]} if of_one else {}))
    assert figures.suppliers["n"] == suppliers.count()
    levels = {level.value: suppliers.at_level(level, today=today).count() for level in RiskLevel}
    assert figures.suppliers["by_level"] == levels
    assert figures.suppliers["not_assessed"] == suppliers.annotate(level=level_on(today)).filter(level=None).count()
    must_prove = suppliers.filter(status="approved").exclude(required_standards=[])
    assert figures.certificates["suppliers_that_must_prove"] == must_prove.count()
    assert figures.certificates["suppliers_proven"] == sum(_is_proven(each, today) for each in must_prove)
    volumes = SupplierVolume.objects.filter(**chosen, month__lt=date(2026, 3, 1), month__gte=date(2025, 12, 1))
    assert figures.ppm["last_3_months"]["received"] == volumes.aggregate(n=Sum("received_qty"))["n"]


def _busiest():
    return Supplier.objects.order_by("-nc_open", "pk").values_list("pk", flat=True)[0]


def _is_proven(supplier, today):
    return all(
        supplier.certificates.filter(
            standard=standard, status="verified", valid_from__lte=today, valid_to__gte=today
        ).exists()
        for standard in supplier.required_standards
    )


class TestNothing:
    def test_is_null_and_never_nought_or_all(self):
        figures = quality_figures()

        rates = (
            figures.overdue["rate"], figures.on_time_closure["rate"], figures.repeats["rate"],
            figures.containment["rate"], figures.actions["effectiveness"], figures.certificates["coverage"],
            figures.closed_with_gaps["rate"], figures.reopened["rate"], figures.open["median_age_days"],
            figures.time_to_close["mean_days"], figures.time_to_close["p90_days"], figures.cost["total"],
            figures.ppm["last_12_months"]["ppm"], figures.ppm["last_12_months"]["received"],
        )  # fmt: skip
        assert rates == (None,) * len(rates)
        assert (figures.pareto_category, figures.pareto_supplier) == ([], [])
        assert [row["closed_per_opened"] for row in figures.by_month] == [None] * 13


class TestLateCorrections:
    """What is corrected today changes what is said of today, and nothing that was said before."""

    @pytest.fixture(params=[True, False], ids=["summed", "not summed"])
    def yesterday(self, request, users, make_nc, make_supplier, move_clock):
        move_clock(NOON - timedelta(days=1))
        nc = make_nc(severity="high", category="material")
        move_clock(NOON)
        if request.param:
            sum_days()
        return nc

    def said(self, nc, day):
        figures = quality_figures(as_of=day)
        of_one = quality_figures(as_of=day, supplier_id=nc.supplier_id)
        return figures.open["by_severity"], figures.pareto_category, figures.by_month[-1], of_one.open["n"]

    @pytest.mark.parametrize("what", ["severity", "category", "supplier", "void", "close"])
    def test_leave_what_was_said_yesterday(self, users, yesterday, make_supplier, what):
        nc, before = yesterday, self.said(yesterday, NOON.date() - timedelta(days=1))
        values = {"severity": "low"} if what == "severity" else {"category": "function"}
        if what == "supplier":
            values = {"supplier_id": make_supplier(name="Another").pk}
        if what == "void":
            void_nonconformity(nc_id=nc.pk, actor=users["quality"], reason=WHY)
        elif what == "close":
            close_nonconformity(nc_id=nc.pk, actor=users["quality"])
        else:
            correct_nonconformity(nc_id=nc.pk, values=values, actor=users["quality"], reason=WHY)

        assert self.said(nc, NOON.date() - timedelta(days=1)) == before
        assert self.said(nc, NOON.date()) != before

    def test_a_mistake_counts_again_when_it_is_open_again(self, users, yesterday):
        void_nonconformity(nc_id=yesterday.pk, actor=users["quality"], reason=WHY)
        figures = quality_figures()
        assert (figures.open["n"], figures.repeats["n"], figures.time_to_close["n"]) == (0, 0, 0)

        reopen_nonconformity(nc_id=yesterday.pk, actor=users["quality"], reason=WHY)

        assert quality_figures().open["n"] == 1

    def test_a_day_that_is_summed_stays_so(self, yesterday):
        sum_days()
        summed = list(SummedDay.objects.values_list("day", flat=True))

        assert sum_days() is False
        assert list(SummedDay.objects.values_list("day", flat=True)) == summed
