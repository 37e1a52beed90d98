"""A movement is never lost, also if the clock was ahead and its day had been summed when it was noted."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from threading import Barrier, Event, Thread

import pytest
from django.db import connection, connections, transaction

from kpi.models import BelatedMovement, BelatedRound, BelatedSum, SummedDay, VolumeMovement
from kpi.movements import summing
from kpi.movements.belated import sum_belated
from kpi.movements.mending import mend_summed_days
from kpi.movements.summing import sum_days, sum_next_day
from kpi.movements.triggers import MOVEMENTS
from kpi.quality import quality_figures
from kpi.selectors import current_kpi
from kpi.tests.year import Year
from ncs.choices import ClosureCode
from ncs.models import NonConformity
from ncs.services import close_nonconformity
from suppliers.models import Supplier

EVENING = datetime(2026, 3, 31, 23, 59, 20, tzinfo=UTC)
MIDNIGHT = EVENING + timedelta(seconds=60)


def everything(**chosen):
    """Return all figures as they stand."""
    return dataclasses.asdict(quality_figures(**chosen))


def added_up(name, key):
    """Return a figure as the sum over suppliers, each of which is read by its movements alone."""
    return sum(getattr(quality_figures(supplier_id=each.pk), name)[key] for each in Supplier.objects.all())


@pytest.mark.django_db
class TestClockAhead:
    @pytest.fixture
    def summed(self, make_nc, move_clock):
        """Let the worker sum a day that is not over: for some seconds, the clock is ahead over midnight."""
        move_clock(EVENING)
        nc = make_nc(severity="high")
        move_clock(MIDNIGHT)
        sum_days()
        move_clock(EVENING)
        assert SummedDay.objects.latest("day").day == EVENING.date()
        return nc

    def test_what_is_recorded_then_counts_at_once(self, summed, make_nc):
        make_nc(supplier_id=summed.supplier_id)
        make_nc()

        figures = quality_figures()
        assert figures.open["n"] == current_kpi().nc_open == 3
        assert figures.repeats["n"] == figures.by_month[-1]["opened"] == figures.by_month[-1]["backlog"] == 3
        assert [row["n"] for row in figures.pareto_supplier] == [2, 1]

    def test_it_counts_the_same_when_it_is_summed_and_on_later_days(self, summed, make_nc, users, move_clock):
        make_nc(supplier_id=summed.supplier_id)
        close_nonconformity(nc_id=summed.pk, actor=users["quality"])
        before = everything()

        move_clock(EVENING + timedelta(hours=1))
        during = everything(as_of=EVENING.date())
        sum_days()

        assert everything(as_of=EVENING.date()) == during == before
        assert BelatedRound.objects.count() == 1
        assert quality_figures().open["n"] == 1
        move_clock(EVENING + timedelta(days=40))
        sum_days()
        assert everything(as_of=EVENING.date()) == before
        figures = quality_figures()
        assert (figures.open["n"], figures.by_month[-1]["backlog"], figures.by_month[-3]["opened"]) == (1, 1, 2)

    def test_a_round_has_what_came_since_the_last_one_and_nothing_twice(self, summed, make_nc):
        for number in (1, 2):
            make_nc(supplier_id=summed.supplier_id)
            assert sum_belated() is True
            assert quality_figures().open["n"] == quality_figures().pareto_supplier[0]["n"] == 1 + number

        assert sum_belated() is False
        assert list(BelatedRound.objects.order_by("number").values_list("number", flat=True)) == [1, 2]

    def test_a_day_to_come_that_was_summed_gets_its_cases_when_it_comes(self, make_nc, move_clock):
        move_clock(EVENING)
        make_nc()
        move_clock(EVENING + timedelta(days=3))
        sum_days()

        for number in range(5):
            move_clock(EVENING + timedelta(days=number))
            make_nc()
            assert quality_figures().open["n"] == current_kpi().nc_open == 2 + number
            sum_days()
            assert quality_figures().open["n"] == 2 + number

        for number in range(5):
            assert quality_figures(as_of=EVENING.date() + timedelta(days=number)).open["n"] == 2 + number

    def test_what_was_lost_before_belated_ones_were_noted_is_found_once(self, summed, make_nc, users, move_clock):
        make_nc(supplier_id=summed.supplier_id)
        close_nonconformity(nc_id=summed.pk, actor=users["quality"])
        make_nc()
        told = everything()
        BelatedMovement.objects.all().delete()
        assert everything() != told

        for _ in range(2):
            mend_summed_days(using="default")

        assert everything() == told
        assert set(BelatedSum.objects.values_list("round_no", flat=True)) == {0}

    def test_what_was_recorded_in_a_day_to_come_counts_when_it_comes(self, make_nc, move_clock):
        move_clock(EVENING + timedelta(days=1))
        make_nc()
        move_clock(EVENING + timedelta(days=2))
        sum_days()
        move_clock(EVENING)
        make_nc()
        assert quality_figures().open["n"] == 1

        move_clock(EVENING + timedelta(days=1))
        make_nc()

        assert quality_figures().open["n"] == current_kpi().nc_open == 3
        assert quality_figures(as_of=EVENING.date()).open["n"] == 1

    def test_nothing_is_belated_while_the_clock_is_right(self, make_nc, move_clock):
        for number in range(3):
            move_clock(EVENING + timedelta(days=number))
            sum_days()
            make_nc()

        assert SummedDay.objects.count() == 2
        assert not BelatedMovement.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(4))
def test_whatever_the_clock_does_all_suppliers_are_the_sum_of_each_and_the_count_of_the_cases(users, move_clock, seed):
    chance = random.Random(seed)
    year, now = Year(users, chance, move_clock), EVENING - timedelta(days=20)
    for _ in range(25):
        now += timedelta(hours=chance.choice((1, 6, 24, 40)))
        wrong = timedelta(minutes=chance.choice((0, 0, 1, -1, 24 * 60, 60 * 60, -24 * 60)))
        for moment in chance.sample((now, now + wrong), k=2):
            move_clock(moment)
            chance.choice((sum_days, sum_belated, sum_next_day, int))()
        year.work(now)

        figures = quality_figures()
        cases = NonConformity.objects.exclude(closure_code=ClosureCode.UNFOUNDED)
        assert figures.open["n"] == added_up("open", "n") == cases.open().count()
        assert figures.repeats["n"] == added_up("repeats", "n") == cases.count()
        assert (
            figures.time_to_close["n"]
            == added_up("time_to_close", "n")
            == cases.filter(closed_at__isnull=False).count()
        )
        assert figures.actions["running"] == added_up("actions", "running")
        assert figures.certificates["n"] == added_up("certificates", "n")
        assert figures.suppliers["n"] == added_up("suppliers", "n")
        of_suppliers = Counter(cases.values_list("supplier_id", flat=True))
        assert {row["supplier_id"]: row["n"] for row in figures.pareto_supplier} == of_suppliers
        opened = Counter(f"{each:%Y-%m}" for each in cases.values_list("created_at", flat=True))
        for last, row in zip([None, *figures.by_month], figures.by_month, strict=False):
            assert row["opened"] == opened[row["month"]]
            assert (last["backlog"] if last else 0) + row["opened"] - row["closed"] == row["backlog"]
    assert BelatedMovement.objects.exists()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
class TestOrderOfCommits:
    @pytest.fixture
    def worker_is_ahead(self, monkeypatch):
        tomorrow = summing.clock.today() + timedelta(days=1)
        monkeypatch.setattr(summing.clock, "today", lambda: tomorrow)

    def test_who_notes_while_the_day_is_being_summed_is_belated(self, make_nc, worker_is_ahead):
        SummedDay.objects.create(day=summing.clock.today() - timedelta(days=2))  # the first one has another lock too
        supplier_id, summed, noting = make_nc().supplier_id, Event(), Event()
        real = summing._tally

        def record():
            summed.wait(20)
            noting.set()
            make_nc(supplier_id=supplier_id)
            connections.close_all()

        def tally_late(day):
            real(day)
            summed.set()
            noting.wait(20)
            wait_for_a_lock()

        writer = Thread(target=record)
        writer.start()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(summing, "_tally", tally_late)
            assert sum_next_day() is True
        writer.join(20)

        assert BelatedMovement.objects.count() > 0
        assert quality_figures().open["n"] == 2

    def test_the_first_day_waits_for_who_still_notes_one_before_it(self, make_nc, worker_is_ahead):
        nc, ready, done = make_nc(), Barrier(2), Barrier(2)
        day = nc.created_at.date() - timedelta(days=3)

        def note():
            with transaction.atomic():
                VolumeMovement.objects.create(
                    day=day, supplier_id=nc.supplier_id, month=date(2026, 1, 1), received=900, defective=3,
                    lots=9, rejected_lots=0, late_lots=0,
                )  # fmt: skip
                ready.wait(20)
                done.wait(20)
            connections.close_all()

        writer = Thread(target=note)
        writer.start()
        ready.wait(20)
        waited = sum_next_day()
        done.wait(20)
        writer.join(20)

        assert waited is False
        assert sum_next_day() is True
        assert list(SummedDay.objects.values_list("day", flat=True)) == [day]

    def test_a_round_waits_for_who_still_notes_belated_ones(self, make_nc, worker_is_ahead):
        supplier_id, ready, done = make_nc().supplier_id, Barrier(2), Barrier(2)
        sum_next_day()
        make_nc(supplier_id=supplier_id)

        def record():
            with transaction.atomic():
                make_nc(supplier_id=supplier_id)
                ready.wait(20)
                done.wait(20)
            connections.close_all()

        writer = Thread(target=record)
        writer.start()
        ready.wait(20)
        waited = sum_belated()
        done.wait(20)
        writer.join(20)

        assert waited is False
        assert quality_figures().open["n"] == 3
        assert sum_belated() is True
        assert quality_figures().open["n"] == 3


def wait_for_a_lock():
    """Wait until somebody waits for an advisory lock, or 20 s."""
    with connection.cursor() as cursor:
        for _ in range(2000):
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            if cursor.fetchone()[0]:
                return
            cursor.execute("SELECT pg_sleep(0.01)")


@pytest.mark.postgres
@pytest.mark.django_db
def test_every_table_of_movements_tells_belated_ones_apart():
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE '%belated'")
        assert {table for (table,) in cursor.fetchall()} == set(MOVEMENTS)
