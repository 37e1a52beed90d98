"""Workers do periodic jobs between batches, and no job keeps them from the events."""

from __future__ import annotations

import pytest
from django.db import connection

from outbox.engine.result import BatchResult
from outbox.engine.retry import RetryPolicy
from outbox.engine.worker import Worker
from qhse import periodic
from qhse.periodic import JobSchedule


@pytest.fixture
def jobs(monkeypatch):
    """No jobs but those of the test."""
    declared = {}
    monkeypatch.setattr(periodic, "jobs", declared)
    return declared


def do_what_is_due(schedule):
    for name in schedule.due():
        schedule.work(name)


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1_000.0

    monkeypatch.setattr(periodic.time, "monotonic", lambda: Clock.now)
    return Clock


def test_a_job_is_due_at_the_start_and_then_at_its_interval(jobs, clock):
    done = []

    @periodic.periodic(every_seconds=10)
    def read_gauges():
        done.append(clock.now)
        return False

    schedule = JobSchedule()
    assert schedule.seconds_left() == 0
    for seconds in (0, 4, 4.9, 0.2, 3):
        clock.now += seconds
        do_what_is_due(schedule)

    assert done == [1_000.0, 1_009.1]  # a second early, because the worker was awake
    assert schedule.seconds_left() == pytest.approx(7)


def test_a_job_with_more_to_do_is_due_again_at_once(jobs, clock):
    left = [True, True, False]

    @periodic.periodic(every_seconds=10)
    def read_gauges():
        return left.pop(0)

    schedule = JobSchedule()
    for _ in range(5):
        do_what_is_due(schedule)

    assert left == []
    assert schedule.seconds_left() == 10


def test_jobs_that_are_due_nearly_at_once_are_done_at_once(jobs, clock):
    done = []
    periodic.periodic(every_seconds=10)(lambda: done.append("gauges") or False)
    jobs["lots"] = periodic.Job("lots", lambda: done.append("lots") or False, 10.5)

    schedule = JobSchedule()
    for _ in range(3):
        clock.now += schedule.seconds_left() or 0
        do_what_is_due(schedule)

    assert done == ["gauges", "lots"] * 3
    assert schedule.seconds_left() == 10


def test_a_failing_job_is_logged_and_comes_round_again(jobs, clock, caplog):
    @periodic.periodic(every_seconds=10)
    def read_gauges():
        raise ZeroDivisionError

    schedule = JobSchedule()
    do_what_is_due(schedule)
    schedule.work_to_the_end()

    assert [record.message for record in caplog.records] == ["job read_gauges failed; it comes round again"] * 2
    assert schedule.seconds_left() == 10


@pytest.mark.django_db
def test_a_job_that_is_not_over_in_time_sends_no_further_statement_and_the_worker_goes_on(jobs, clock, caplog):
    sent = []

    @periodic.periodic(every_seconds=10)
    def read_gauges():
        for _ in range(20):
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            sent.append(clock.now)
            clock.now += 3
        return True

    schedule = JobSchedule()
    do_what_is_due(schedule)

    assert len(sent) == 4
    assert "read_gauges was not over after 10 s" in caplog.text
    assert schedule.seconds_left() == 10


def test_a_job_that_always_has_more_to_do_takes_turns_with_the_others_and_with_events(jobs, clock):
    done = []
    for name in ("read_gauges", "grease_axles"):

        def work(name=name):
            done.append(name)
            return name == "grease_axles"  # which has more to do each time

        work.__name__ = name
        periodic.periodic(every_seconds=10)(work)
    schedule = JobSchedule()

    for _ in range(3):
        do_what_is_due(schedule)
        clock.now += 1

    assert done == ["read_gauges", *3 * ["grease_axles"]]


class TestAJobThatWaitsForWhatPeopleWrite:
    @pytest.fixture
    def done(self, jobs, clock):
        done = []
        periodic.periodic(every_seconds=60, woken_seconds=3)(lambda: done.append(clock.now) or False)
        return done

    @staticmethod
    def pass_on(clock, schedule, seconds):
        clock.now += seconds
        do_what_is_due(schedule)

    def test_is_done_at_once_when_a_worker_is_woken(self, clock, done):
        schedule = JobSchedule(hears=True)
        for seconds in (0, 20, 20):
            self.pass_on(clock, schedule, seconds)
        schedule.wake()
        self.pass_on(clock, schedule, 0)

        assert done == [1_000.0, 1_040.0]
        assert schedule.seconds_left() == 60

    def test_is_done_no_sooner_after_the_last_time_than_it_says(self, clock, done):
        schedule = JobSchedule(hears=True)
        self.pass_on(clock, schedule, 0)
        for seconds in (1, 1, 1, 1):
            schedule.wake()
            self.pass_on(clock, schedule, seconds)

        assert done == [1_000.0, 1_003.0]

    def test_looks_again_as_soon_as_that_when_it_says_so(self, jobs, clock):
        answers = [None, None, False]
        periodic.periodic(every_seconds=60, woken_seconds=3)(lambda: answers.pop(0))
        schedule, left = JobSchedule(hears=True), []
        for _ in range(3):
            self.pass_on(clock, schedule, schedule.seconds_left())
            left.append(schedule.seconds_left())

        assert left == [3, 3, 60]

    def test_comes_round_as_often_as_that_where_nobody_can_be_woken(self, clock, done):
        schedule = JobSchedule(hears=False)
        for _ in range(4):
            self.pass_on(clock, schedule, 3)

        assert done == [1_003.0, 1_006.0, 1_009.0, 1_012.0]


def test_zero_seconds_switch_a_job_off(jobs):
    periodic.periodic(every_seconds=0)(lambda: False)

    assert jobs == {}
    assert JobSchedule().seconds_left() is None


@pytest.mark.django_db(transaction=True)
def test_a_worker_listens_also_while_a_job_always_has_more_to_do(jobs, monkeypatch):
    done = []
    worker = Worker(batch_size=1, poll_seconds=1, policy=RetryPolicy(max_attempts=1, base_seconds=1, cap_seconds=1))

    class Line:
        def wait(self, seconds, wake):
            return True  # somebody has written meanwhile

        def close(self): ...

    @periodic.periodic(every_seconds=60)
    def grease_axles():
        done.append("axles")
        if len(done) > 5_000:
            worker.stop()
        return True

    @periodic.periodic(every_seconds=60, woken_seconds=0.001)
    def paint():
        done.append("paint")
        return False

    worker._second, worker._jobs = Line(), JobSchedule(hears=True)
    worker.run_forever()

    assert done.count("paint") > 1


@pytest.mark.django_db(transaction=True)
def test_a_worker_waits_no_longer_than_its_next_job(jobs, clock):
    periodic.periodic(every_seconds=3)(lambda: False)
    worker = Worker(batch_size=1, poll_seconds=60, policy=RetryPolicy(max_attempts=1, base_seconds=1, cap_seconds=1))
    worker._do_due_jobs()

    assert worker._idle_seconds(worker.run_once()) == 3
    worker.leave()


@pytest.mark.django_db(transaction=True)
def test_a_job_of_many_pieces_goes_on_for_an_eighth_of_the_time_that_slow_handlers_took(jobs, clock):
    pieces = []

    @periodic.periodic(every_seconds=60)
    def grease_axles():
        pieces.append(clock.now)
        clock.now += 0.3
        return True

    worker = Worker(batch_size=1, poll_seconds=60, policy=RetryPolicy(max_attempts=1, base_seconds=1, cap_seconds=1))

    def handle_slowly(*args, **options):
        clock.now += 8.0
        worker.stop() if pieces else None
        return BatchResult(processed=1)

    worker._dispatcher.dispatch = handle_slowly  # type: ignore[method-assign]
    worker.run_forever()

    assert len(pieces) == 4  # of 0.3 s in 1 s, and none after the stop
