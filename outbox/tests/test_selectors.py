"""The figures about the outbox are right, by the database's clock. They are cheap beside a long history."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from outbox import selectors
from outbox.choices import EventStatus
from outbox.jobs import forget_workers, leave_sign_of_life
from outbox.models import OutboxEvent, WorkerSeen
from outbox.selectors import Rate, Workers, allowed_silence, dead_by_type, outbox_status, processing_rates, workers

pytestmark = pytest.mark.django_db


def change(event: OutboxEvent, **values: Any) -> None:
    OutboxEvent.objects.filter(pk=event.pk).update(**values)


def kill(event: OutboxEvent, error: str = "KeyError: 'gauge'") -> None:
    change(event, status=EventStatus.DEAD, attempts=10, last_error=error)


def process(event: OutboxEvent, *, ago: timedelta) -> None:
    change(event, status=EventStatus.PROCESSED, processed_at=timezone.now() - ago)


Publish = Callable[..., OutboxEvent]


class TestOutboxStatus:
    def test_of_an_empty_outbox_is_all_zero_without_ages(self) -> None:
        assert outbox_status().as_dict() == {
            "pending": 0,
            "due": 0,
            "waiting": 0,
            "unknown": 0,
            "dead": 0,
            "oldest_pending_seconds": None,
            "oldest_due_seconds": None,
            "by_type": {},
        }

    def test_tells_the_due_the_waiting_the_unknown_and_the_dead_apart(self, publish_reading: Publish) -> None:
        due, waiting, unknown, waiting_unknown, dead, processed = (publish_reading(gauge) for gauge in range(6))
        later = timezone.now() + timedelta(minutes=50)  # less than the longest wait, beyond which it counts as due
        change(waiting, next_attempt_at=later)
        change(unknown, event_type="TEST_FROM_THE_FUTURE")
        change(waiting_unknown, event_type="TEST_FROM_THE_FUTURE", next_attempt_at=later)
        kill(dead)
        process(processed, ago=timedelta(0))

        status = outbox_status()

        assert (status.pending, status.due, status.waiting, status.unknown, status.dead) == (4, 2, 2, 2, 1)
        assert status.by_type == {
            "TEST_GAUGE_CALIBRATED": {"pending": 2, "dead": 1},
            "TEST_FROM_THE_FUTURE": {"pending": 2, "dead": 0},
        }
        assert due.event_type == "TEST_GAUGE_CALIBRATED"

    def test_a_dead_event_of_an_unknown_type_is_dead_and_not_unknown(self, publish_reading: Publish) -> None:
        event = publish_reading()
        change(event, event_type="TEST_FROM_THE_FUTURE")
        kill(event)

        status = outbox_status()

        assert (status.unknown, status.dead) == (0, 1)

    def test_the_lag_counts_from_when_an_event_became_due_and_the_age_from_its_publishing(
        self, publish_reading: Publish
    ) -> None:
        now = timezone.now()
        old, young = publish_reading(1), publish_reading(2)
        change(old, created_at=now - timedelta(hours=3), next_attempt_at=now - timedelta(minutes=2))
        change(young, created_at=now - timedelta(minutes=1), next_attempt_at=now - timedelta(minutes=1))

        status = outbox_status()

        assert status.oldest_pending_seconds == pytest.approx(3 * 3600, abs=30)
        assert status.oldest_due_seconds == pytest.approx(120, abs=30)

    @pytest.mark.postgres
    @pytest.mark.parametrize("impossible", ["20000-01-01", "infinity"])
    def test_a_time_that_cannot_be_is_due_now(self, publish_reading: Publish, impossible: str) -> None:
        publish_reading()
        with connection.cursor() as cursor:
            cursor.execute("UPDATE outbox_outboxevent SET next_attempt_at = %s::timestamptz", [impossible])

        status = outbox_status()

        assert (status.due, status.oldest_due_seconds) == (1, 0.0)

    def test_has_no_lag_when_everything_waits(self, publish_reading: Publish) -> None:
        change(publish_reading(), next_attempt_at=timezone.now() + timedelta(minutes=30))

        status = outbox_status()

        assert status.oldest_due_seconds is None
        assert status.oldest_pending_seconds is not None

    def test_takes_one_query(self, publish_reading: Publish, django_assert_num_queries: Any) -> None:
        for gauge in range(5):
            kill(publish_reading(gauge))
            publish_reading(gauge)

        with django_assert_num_queries(1):
            outbox_status()

    @pytest.mark.postgres
    def test_ages_are_by_the_clock_of_the_database(
        self, publish_reading: Publish, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        publish_reading()
        a_year_on = timezone.now() + timedelta(days=365)
        monkeypatch.setattr(timezone, "now", lambda: a_year_on)

        status = outbox_status()

        assert status.oldest_pending_seconds is not None
        assert status.oldest_pending_seconds < 3600


class TestProcessingRates:
    def test_are_averages_over_a_minute_five_and_an_hour(self, publish_reading: Publish) -> None:
        ages = [timedelta(seconds=5)] * 3 + [timedelta(minutes=3)] * 2 + [timedelta(minutes=30)] + [timedelta(hours=2)]
        for gauge, age in enumerate(ages):
            process(publish_reading(gauge), ago=age)
        publish_reading()
        kill(publish_reading())

        assert processing_rates() == [Rate(1, 3.0, False), Rate(5, 1.0, False), Rate(60, 0.1, False)]

    def test_say_so_when_there_may_have_been_more_than_were_read(
        self, publish_reading: Publish, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(selectors, "RATE_SAMPLE", 4)
        for gauge in range(5):
            process(publish_reading(gauge), ago=timedelta(minutes=0 if gauge > 2 else 10))

        assert processing_rates() == [Rate(1, 2.0, False), Rate(5, 0.4, False), Rate(60, 4 / 60, True)]

    def test_are_found_below_a_backlog(self, publish_reading: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(selectors, "RATE_SAMPLE", 10)
        for gauge in range(3):
            process(publish_reading(gauge), ago=timedelta(seconds=1))
        for gauge in range(20):
            publish_reading(gauge)

        assert processing_rates()[0] == Rate(1, 3.0, False)


class TestDeadByType:
    def test_lists_each_type_with_its_number_and_its_newest_event_the_most_first(
        self, publish_reading: Publish
    ) -> None:
        events = [publish_reading(gauge) for gauge in range(4)]
        change(events[1], event_type="TEST_OTHER")
        kill(events[0], "KeyError: 'old'")
        kill(events[1], "ValueError: other")
        kill(events[2], "KeyError: 'new'")

        found = [(each.event_type, each.number, each.newest.last_error) for each in dead_by_type()]

        assert found == [("TEST_GAUGE_CALIBRATED", 2, "KeyError: 'new'"), ("TEST_OTHER", 1, "ValueError: other")]

    def test_is_empty_when_nothing_is_dead(self, publish_reading: Publish) -> None:
        publish_reading()

        assert dead_by_type() == []


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("read", [outbox_status, processing_rates, dead_by_type])
def test_no_figure_reads_the_whole_history(read: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "RATE_SAMPLE", 500)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO outbox_outboxevent (event_id, event_type, schema_version, aggregate_type, aggregate_id,"
            " payload, headers, status, attempts, last_error, processed_at)"
            " SELECT gen_random_uuid(), 'TEST_GAUGE_CALIBRATED', 1, 'gauge', n::text, '{}', '{}',"
            " CASE n % 100 WHEN 0 THEN 'PENDING' WHEN 1 THEN 'FAILED' ELSE 'DONE' END, 0, '',"
            " CASE WHEN n % 100 > 1 THEN now() END FROM generate_series(1, 20000) AS n"
        )
        cursor.execute("ANALYZE outbox_outboxevent")
    plans: list[str] = []

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.cursor.execute(f"EXPLAIN {sql}", params)
            plans.append("\n".join(row[0] for row in cursor.cursor.fetchall()))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        read()

    assert plans
    assert [plan for plan in plans if "Seq Scan" in plan] == []


def seen(worker: str, *, ago: float, started: float | None = None) -> None:
    now = timezone.now()
    times = {"seen_at": now - timedelta(seconds=ago), "started_at": started and now - timedelta(seconds=started)}
    WorkerSeen.objects.update_or_create(worker=worker, defaults=times)


class TestWorkers:
    def test_none_was_ever_seen(self) -> None:
        assert workers() == Workers(0, None)
        assert workers().complaint == "never seen"

    def test_one_that_gives_signs_lives(self) -> None:
        leave_sign_of_life()
        leave_sign_of_life()

        assert WorkerSeen.objects.count() == 1
        assert workers().living == 1
        assert workers().seen_seconds == pytest.approx(0, abs=10)
        assert workers().complaint == ""

    def test_one_that_is_silent_for_a_minute_is_lost_and_the_others_live(self) -> None:
        seen("frozen", ago=82)
        assert (workers().living, workers().complaint) == (0, "not seen for 82 s")

        seen("busy", ago=45)
        assert (workers().living, workers().complaint) == (1, "")

    def test_where_handlers_may_take_long_silence_is_allowed_for_as_long(self, settings: Any) -> None:
        assert allowed_silence() == 60
        settings.OUTBOX_HANDLER_TIMEOUT = 300

        seen("busy", ago=600)

        assert workers().living == 1

    def test_a_sign_from_the_future_proves_nothing(self) -> None:
        seen("of-a-clock-that-was-ahead", ago=-3600)
        assert workers() == Workers(0, None)

        seen("frozen", ago=82)
        assert workers().complaint == "not seen for 82 s"

    def test_one_of_several_that_stay_is_missed(self) -> None:
        seen("db1-7-aa", ago=1, started=5000)
        seen("db2-7-bb", ago=182, started=6000)

        (missed,) = workers().silent
        assert (missed.place, missed.seconds) == ("db2, process 7", pytest.approx(182, abs=10))
        assert workers().complaint == "1 of 2 not seen for 182 s"

    def test_one_in_whose_place_another_was_started_is_not_missed(self) -> None:
        seen("db1-7-aa", ago=4000, started=5000)
        seen("db1-7-bb", ago=2000, started=3990)
        seen("db1-7-cc", ago=1, started=1990)
        assert workers().silent == ()

        seen("db1-7-dd", ago=300, started=6000)
        assert [each.worker for each in workers().silent] == ["db1-7-dd"]

        seen("db1-7-ee", ago=2, started=200)
        assert workers().silent == ()

    def test_a_start_beside_living_workers_stands_for_none_of_them(self) -> None:
        seen("db1-7-aa", ago=500, started=5000)
        seen("db1-8-bb", ago=15, started=5000)
        seen("db1-9-cc", ago=1, started=10)

        assert (workers().living, workers().silent) == (2, ())

    def test_one_that_comes_and_goes_with_cron_is_not_missed(self) -> None:
        seen("db1-7-aa", ago=1, started=5000)
        seen("db1-commands", ago=3600)

        assert workers().silent == ()

    def test_signs_of_a_day_ago_are_forgotten(self) -> None:
        seen("gone", ago=90_000)
        seen("frozen", ago=80_000)

        forget_workers()

        assert list(WorkerSeen.objects.values_list("worker", flat=True)) == ["frozen"]
