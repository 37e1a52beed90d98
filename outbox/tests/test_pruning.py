"""Pruning removes what was processed long ago. It removes whole batches, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from outbox.choices import EventStatus
from outbox.engine.retry import RetryPolicy
from outbox.engine.worker import Worker
from outbox.models import OutboxEvent, Outgoing, ProcessedEvent
from outbox.outgoing import enqueue
from outbox.pruning import count_prunable, prune_processed
from outbox.registry import handles
from outbox.services import requeue_dead_event
from outbox.tests.gauges import GaugeCalibrated, leave_effect
from qhse.tests.waiting import at_once, interrupted_at

pytestmark = pytest.mark.django_db

HANDLERS = ("test.first", "test.second")
DAY_AND_A_BIT = timedelta(days=1, minutes=1)

Store = Callable[..., list[int]]


@pytest.fixture
def stored() -> Store:
    """
    Store events of one state and age, and return their ids. Two handlers have handled all but the pending ones.
    """

    def store(number: int, status: EventStatus = EventStatus.PROCESSED, age: timedelta = DAY_AND_A_BIT) -> list[int]:
        then = timezone.now() - age
        events = OutboxEvent.objects.bulk_create(
            OutboxEvent(
                event_type=GaugeCalibrated.event_type,
                aggregate_type="gauge",
                aggregate_id=str(gauge),
                payload={"gauge_id": gauge, "reading": 7},
                status=status,
                attempts=10 if status == EventStatus.DEAD else 0,
                created_at=then,
                next_attempt_at=then,
                processed_at=then if status == EventStatus.PROCESSED else None,
                dismissed_at=then if status == EventStatus.DISMISSED else None,
            )
            for gauge in range(number)
        )
        if status != EventStatus.PENDING:
            ProcessedEvent.objects.bulk_create(
                ProcessedEvent(event_id=event.event_id, handler=name) for event in events for name in HANDLERS
            )
        return [event.pk for event in events]

    return store


def prune(days: int = 1, batch_size: int = 5_000) -> int:
    return sum(step.removed for step in prune_processed(older_than_days=days, batch_size=batch_size))


def left() -> list[int]:
    return list(OutboxEvent.objects.order_by("id").values_list("id", flat=True))


def records_without_their_event() -> int:
    return ProcessedEvent.objects.exclude(event_id__in=OutboxEvent.objects.values("event_id")).count()


def handled_events_without_record() -> int:
    handled = OutboxEvent.objects.filter(status=EventStatus.PROCESSED)
    return handled.exclude(event_id__in=ProcessedEvent.objects.values("event_id")).count()


class TestPruneProcessed:
    def test_removes_what_was_processed_before_that_time_with_the_record_of_its_handlers(self, stored: Store) -> None:
        due = stored(3)
        young = stored(2, age=timedelta(hours=23, minutes=59))

        assert count_prunable(older_than_days=1) == 3
        assert prune() == 3

        assert left() == young
        assert not set(due) & set(left())
        assert ProcessedEvent.objects.count() == 2 * len(HANDLERS)
        assert records_without_their_event() == 0

    def test_counts_from_the_processing_and_not_from_the_publishing(self, stored: Store) -> None:
        """An event may wait for weeks. How long it stays visible afterwards must not depend on that."""
        (pk,) = stored(1, age=timedelta(days=40))
        OutboxEvent.objects.filter(pk=pk).update(processed_at=timezone.now())

        assert prune(days=30) == 0

    def test_never_removes_pending_or_dead_events_however_old(self, stored: Store) -> None:
        kept = stored(3, EventStatus.PENDING, timedelta(days=4000)) + stored(3, EventStatus.DEAD, timedelta(days=4000))

        assert count_prunable(older_than_days=0) == 0
        assert prune(days=0) == 0

        assert left() == kept
        assert ProcessedEvent.objects.count() == 3 * len(HANDLERS)

    def test_removes_what_was_dismissed_before_that_time_and_counts_from_the_dismissal(self, stored: Store) -> None:
        stored(2, EventStatus.DISMISSED)
        (long_dead,) = stored(1, EventStatus.DISMISSED, timedelta(days=40))
        OutboxEvent.objects.filter(pk=long_dead).update(dismissed_at=timezone.now())

        assert count_prunable(older_than_days=1) == 2
        assert prune() == 2

        assert left() == [long_dead]
        assert records_without_their_event() == 0

    def test_spares_what_has_to_leave_where_a_relay_can_run_and_forgets_it_elsewhere(self, stored: Store) -> None:
        stored(3)
        enqueue("webhooks", OutboxEvent.objects.order_by("pk")[:1])
        spared = 1 if connection.vendor == "postgresql" else 0

        assert count_prunable(older_than_days=1) == 3 - spared
        assert prune() == 3 - spared

        assert len(left()) == Outgoing.objects.count() == spared

    def test_of_zero_days_removes_all_that_is_processed_by_now(self, stored: Store) -> None:
        stored(3, age=timedelta(seconds=1))

        assert prune(days=0) == 3

    def test_lets_no_handler_run_again_when_a_dead_event_is_requeued_later(
        self, stored: Store, effects: Any, drain: Any
    ) -> None:
        for name in HANDLERS:
            handles(GaugeCalibrated, name=name)(leave_effect)
        stored(2)
        (dead,) = stored(1, EventStatus.DEAD)

        prune()
        event_id = OutboxEvent.objects.get(pk=dead).event_id
        requeue_dead_event(event_id=event_id, actor=None, reason="Gauge is back")
        result = drain()

        assert result.processed == 1
        assert effects() == []

    def test_finds_what_is_due_everywhere_between_what_is_not(self, stored: Store) -> None:
        kept: list[int] = []
        for _ in range(5):
            stored(3)
            kept += stored(1, EventStatus.PENDING) + stored(2, age=timedelta(hours=1)) + stored(1, EventStatus.DEAD)
        OutboxEvent.objects.filter(pk__in=kept[4:8]).delete()  # a gap in the ids
        kept[4:8] = []

        assert prune(batch_size=2) == 15

        assert left() == kept

    def test_walks_over_every_id_once(self, stored: Store) -> None:
        first, *_, last = stored(4) + stored(3, EventStatus.PENDING) + stored(4)

        steps = list(prune_processed(older_than_days=1, batch_size=3))

        assert [step.removed for step in steps] == [3, 1, 2, 2]
        assert sum(step.passed for step in steps) == last - first + 1
        assert {step.total for step in steps} == {last - first + 1}

    def test_of_an_empty_outbox_does_nothing(self) -> None:
        assert prune(days=0) == 0

    def test_repeated_removes_nothing_more(self, stored: Store) -> None:
        stored(3)

        assert (prune(), prune()) == (3, 0)

    def test_broken_off_at_any_statement_leaves_whole_batches(self, stored: Store) -> None:
        seen = set()
        for point in range(1, 40):
            OutboxEvent.objects.all().delete()
            ProcessedEvent.objects.all().delete()
            stored(5)
            broken = interrupted_at(point, lambda: prune(batch_size=2))

            assert records_without_their_event() == 0, f"broken off at statement {point}"
            assert handled_events_without_record() == 0, f"broken off at statement {point}"
            seen.add(len(left()))
            if not broken:
                break

        assert seen == {5, 3, 1, 0}


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
class TestSideBySide:
    @pytest.fixture
    def somebody_else(self) -> Iterator[Any]:
        """Another connection. It is in a transaction of its own until the end of the test."""
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            yield cursor
        other.close()

    def test_a_row_that_somebody_else_holds_is_passed_over_without_waiting(
        self, stored: Store, somebody_else: Any
    ) -> None:
        due = stored(5)
        somebody_else.execute("SELECT id FROM outbox_outboxevent WHERE id = %s FOR UPDATE", [due[2]])
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")

        assert prune() == 4
        somebody_else.execute("ROLLBACK")
        assert prune() == 1

    def test_a_record_that_a_worker_is_just_writing_is_not_waited_for(self, stored: Store, somebody_else: Any) -> None:
        stored(2)
        (pending,) = stored(1, EventStatus.PENDING)
        event_id = OutboxEvent.objects.get(pk=pending).event_id
        somebody_else.execute("SELECT id FROM outbox_outboxevent WHERE id = %s FOR UPDATE", [pending])
        somebody_else.execute(
            "INSERT INTO outbox_processedevent (event_id, handler) VALUES (%s, 'test.first')", [event_id]
        )
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")

        assert prune(days=0) == 2

    def test_four_pruners_beside_two_workers_remove_exactly_what_is_due(self, stored: Store, effects: Any) -> None:
        handles(GaugeCalibrated, name="test.effect")(leave_effect)
        kept: list[int] = []
        for _ in range(10):
            stored(300)
            kept += stored(30, age=timedelta(hours=1)) + stored(20, EventStatus.DEAD) + stored(50, EventStatus.PENDING)
        policy = RetryPolicy(max_attempts=3, base_seconds=0.0, cap_seconds=0.0)

        def work(number: int) -> int:
            if number < 4:
                return prune(batch_size=100)
            return Worker(batch_size=20, poll_seconds=0.01, policy=policy).drain().processed

        results = at_once(6, work)

        assert sum(results[:4]) == 3_000, results
        assert sum(results[4:]) == 500, results
        assert left() == kept
        assert len(effects()) == 500
        assert records_without_their_event() == handled_events_without_record() == 0
        assert ProcessedEvent.objects.count() == (10 * 30 + 10 * 20) * len(HANDLERS) + 500

    def test_the_time_is_that_of_the_database(self, stored: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        stored(3, age=timedelta(hours=1))
        a_year_on = timezone.now() + timedelta(days=365)
        monkeypatch.setattr(timezone, "now", lambda: a_year_on)

        assert count_prunable(older_than_days=1) == 0
        assert prune() == 0

    def test_no_statement_reads_a_whole_table(self, stored: Store) -> None:
        """This holds in the first run too. The planner knows nothing of the table then."""
        stored(2_000)
        stored(2_000, age=timedelta(hours=1))
        plans: list[str] = []

        def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if sql.lstrip().startswith(("WITH", "SELECT")):
                with connection.cursor() as cursor:
                    cursor.cursor.execute(f"EXPLAIN {sql}", params)
                    plans.append("\n".join(row[0] for row in cursor.cursor.fetchall()))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(explain):
            assert prune(batch_size=500) == 2_000

        assert len(plans) > 16
        assert [plan for plan in plans if "Seq Scan" in plan] == []
