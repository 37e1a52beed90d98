"""Days that are over are summed once, when nobody can note anything of them any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection, connections, transaction

from kpi.models import DaySum, MonthSum, SummedDay
from kpi.movements import summing
from kpi.movements.facts import facts_of, times_chosen
from kpi.movements.summing import sum_days, sum_next_day
from kpi.quality import quality_figures

NOON = datetime(2026, 4, 2, 12, tzinfo=UTC)


@pytest.mark.django_db
class TestDays:
    def test_today_is_not_over(self, make_nc):
        make_nc()

        assert sum_next_day() is False
        assert not DaySum.objects.exists()

    def test_days_without_a_movement_are_summed_too(self, make_nc, move_clock):
        move_clock(NOON - timedelta(days=3))
        make_nc()
        move_clock(NOON)

        sum_days()

        days = [NOON.date() - timedelta(days=back) for back in (3, 2, 1)]
        assert list(SummedDay.objects.order_by("day").values_list("day", flat=True)) == days

    def test_at_the_end_of_a_month_what_all_came_to_is_kept(self, make_nc, move_clock):
        move_clock(NOON - timedelta(days=3))
        make_nc()
        move_clock(NOON)

        sum_days()

        assert {month.isoformat() for month in MonthSum.objects.values_list("month", flat=True)} == {"2026-04-01"}

    def test_sums_say_what_the_movements_say(self, make_nc, move_clock):
        move_clock(NOON - timedelta(days=70))
        make_nc(severity="high", category="material")
        move_clock(NOON)
        make_nc(severity="low")
        before = quality_figures()

        while sum_days():
            pass

        assert SummedDay.objects.count() == 70
        assert quality_figures() == before


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
class TestWriters:
    """A transaction that began yesterday may still note something of yesterday, so its day is not over."""

    @pytest.fixture
    def yesterday(self, make_nc, monkeypatch):
        """Let a case be recorded; then it is tomorrow for the worker."""
        make_nc()
        tomorrow = summing.clock.today() + timedelta(days=1)
        monkeypatch.setattr(summing.clock, "today", lambda: tomorrow)

    def test_a_day_waits_for_who_still_writes(self, yesterday, make_supplier):
        SummedDay.objects.create(day=summing.clock.today() - timedelta(days=2))
        ready, done = Barrier(2), Barrier(2)

        def write():
            with transaction.atomic():
                make_supplier(name="Slow GmbH")
                ready.wait(20)
                done.wait(20)
            connections.close_all()

        writer = Thread(target=write)
        writer.start()
        ready.wait(20)
        waited = sum_next_day()
        done.wait(20)
        writer.join(20)

        assert waited is False
        assert sum_next_day() is True

    def test_two_workers_sum_a_day_once(self, yesterday):
        start, done = Barrier(2), []

        def work():
            start.wait(20)
            done.append(sum_next_day())
            connections.close_all()

        workers = [Thread(target=work) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(20)

        assert sorted(done) == [False, True]
        assert SummedDay.objects.count() == 1


@pytest.mark.postgres
@pytest.mark.django_db
@pytest.mark.parametrize("table", ["case", "action"])
def test_movements_of_a_supplier_are_read_in_an_index_alone(table, make_supplier):
    """A column that is counted and not in the index would cost a page for each movement of the supplier."""
    statement = facts_of("m.day <= %s AND m.supplier_id = %s")
    index = f"{table}_move_of_supplier"

    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename, indexdef FROM pg_indexes WHERE indexname = %s", [index])
        real, definition = cursor.fetchone()
        # An empty table takes any of its indexes, as its statistics happen to be. A copy has this one alone,
        # and hides the real table, whose indexes could not be dropped without locking a replica's readers out.
        cursor.execute(f"CREATE TEMP TABLE {real} (LIKE {real}) ON COMMIT DROP")
        cursor.execute(definition.replace(f"ON public.{real}", f"ON pg_temp.{real}"))
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN {statement}", times_chosen(["2026-04-02", str(make_supplier().pk)]))
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert f"Index Only Scan using {index}" in plan
