"""Handlers that end their process or their connection are found, counted and dead in the end."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress

import pytest
from django.db import DatabaseError, OperationalError, connection
from django.db.models.functions import Now

from dev.waiting import wait_until
from outbox.choices import EventStatus
from outbox.engine.dispatcher import Dispatcher
from outbox.errors import GivenBack
from outbox.guards.deadline import Alarm
from outbox.guards.in_hand import InHandNote
from outbox.guards.second_connection import SecondConnection
from outbox.models import InHand, OutboxEvent
from outbox.registry import handles
from outbox.services import requeue_dead_event
from outbox.tests.gauges import NEIGHBOURS, QUICK, GaugeCalibrated, Misdeed, leave_effect, status_of

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("misdeed", [Misdeed.EXIT, Misdeed.SEGFAULT], ids=["os._exit", "segmentation fault"])
def test_a_handler_that_ends_its_process_is_counted_and_ends_dead(start_worker, good_neighbours, effects, misdeed):
    bad = good_neighbours(misdeed)

    for _ in range(20):
        code = start_worker("--drain", "--max-attempts", "3", **QUICK).wait(timeout=60)
        if code == 0:
            break
    assert code == 0, "the event crashes workers for ever"

    assert status_of(bad) == (EventStatus.DEAD, 3)
    assert "vanished while it handled this event" in OutboxEvent.objects.get(pk=bad.pk).last_error
    assert Counter(effects()) == NEIGHBOURS

    # The records of the vanished workers are still there, and speak of a turn that is over.
    OutboxEvent.objects.filter(pk=bad.pk).update(payload={"gauge_id": 1, "reading": 1})
    requeue_dead_event(event_id=bad.event_id, actor=None, reason="the handler has been mended")
    assert start_worker("--drain", "--max-attempts", "3", **QUICK).wait(timeout=60) == 0
    assert status_of(bad) == (EventStatus.PROCESSED, 0)
    assert Counter(effects()) == NEIGHBOURS + Counter([("1", 1)])


def test_a_handler_that_kills_its_connection_is_counted_and_ends_dead_under_one_worker(
    start_worker, good_neighbours, effects
):
    bad = good_neighbours(Misdeed.LOSE_CONNECTION)

    worker = start_worker("--max-attempts", "3", **QUICK)

    wait_until(lambda: status_of(bad) == (EventStatus.DEAD, 3), seconds=60, what="the event to be dead")
    wait_until(lambda: Counter(effects()) == NEIGHBOURS, seconds=20, what="the others to be handled")
    assert worker.poll() is None


def test_killing_a_worker_from_outside_counts_for_no_event(start_worker, publish_reading, effects):
    waiting = [publish_reading(gauge_id=gauge, reading=Misdeed.SLEEP if gauge == 3 else 1) for gauge in range(5)]
    worker = start_worker("--handler-timeout", "300", **QUICK)
    wait_until(InHand.objects.exists, seconds=30, what="a batch to be in hand")

    worker.kill()
    worker.wait(timeout=10)
    OutboxEvent.objects.filter(pk=waiting[3].pk).update(payload={"gauge_id": 3, "reading": 1})
    drain = start_worker("--drain")

    assert drain.wait(timeout=60) == 0
    assert Counter(effects()) == Counter((str(gauge), 1) for gauge in range(5))
    assert set(OutboxEvent.objects.values_list("attempts", flat=True)) == {0}


def test_a_worker_that_stops_in_good_order_leaves_no_record_of_what_it_had_in_hand(start_worker, publish_reading):
    event = publish_reading()
    worker = start_worker()
    wait_until(lambda: status_of(event)[0] == EventStatus.PROCESSED, seconds=30, what="the event to be processed")

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(timeout=10) == 0
    assert not InHand.objects.exists()


@pytest.fixture
def second():
    line = SecondConnection(nullcontext)
    yield line
    line.close()


@pytest.fixture
def noting(policy, second):
    """A dispatcher that notes what it has in hand, in this process; its first connection is the test's."""
    return Dispatcher(policy=policy, note=InHandNote("tested", second))


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def end_second_connections() -> None:
    execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = 'qhse-worker-side'"
    )


COMMIT = "AFTER UPDATE ON outbox_outboxevent DEFERRABLE INITIALLY DEFERRED"
STATES = {
    "full disk": "53100",
    "no memory for locks": "53200",
    "not serializable": "40001",
    "deadlock": "40P01",
    "statement timeout": "57014",
    "lock timeout": "55P03",
    "no right": "42501",
}


@contextmanager
def refused(timing: str, state: str = "53100") -> Iterator[None]:
    execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION 'it cannot be done' USING ERRCODE = '{state}'; END $$"
    )
    kind = "CONSTRAINT TRIGGER" if timing.endswith("DEFERRED") else "TRIGGER"
    when = "WHEN (NEW.status = 'DONE')" if "UPDATE" in timing else ""  # an attempt could be counted
    execute(f"CREATE {kind} refuse {timing} FOR EACH ROW {when} EXECUTE FUNCTION refuse()")
    try:
        yield
    finally:
        execute("DROP FUNCTION refuse CASCADE")


def test_an_outage_that_ends_both_connections_twice_counts_for_no_event(noting, second, publish_reading, effects):
    outages = [1, 2]

    def lose_both(delivery):
        if outages:
            outages.pop()
            end_second_connections()
            execute("SELECT pg_terminate_backend(pg_backend_pid())")
        leave_effect(delivery)

    handles(GaugeCalibrated, name="test.outage")(lose_both)
    events = [publish_reading(gauge_id=gauge) for gauge in range(3)]

    while outages:
        with pytest.raises(OperationalError):
            noting.dispatch(10)
        connection.close()  # both, as the worker does
        second.close()
    while noting.dispatch(10).moved:
        pass

    assert [status_of(event) for event in events] == [(EventStatus.PROCESSED, 0)] * 3
    assert len(effects()) == 3


@pytest.mark.parametrize("state", STATES.values(), ids=STATES.keys())
@pytest.mark.parametrize(
    "timing",
    ["BEFORE INSERT ON outbox_processedevent", "BEFORE UPDATE ON outbox_outboxevent", COMMIT],
    ids=["remembering", "marking", "commit"],
)
def test_an_error_of_the_engines_own_statements_counts_for_no_event_and_leaves_no_note_behind(
    noting, publish_reading, effects, timing, state
):
    handles(GaugeCalibrated, name="test.effect")(leave_effect)
    events = [publish_reading(gauge_id=gauge) for gauge in range(3)]

    with refused(timing, state):
        for _ in range(4):
            with pytest.raises(DatabaseError, match="it cannot be done"):
                noting.dispatch(10)
            OutboxEvent.objects.pending().update(next_attempt_at=Now())

    assert list(InHand.objects.values_list("worker", "events")) == [("tested", [])]
    while noting.dispatch(10).moved:
        pass
    assert [status_of(event) for event in events] == [(EventStatus.PROCESSED, 0)] * 3
    assert len(effects()) == 3


def test_a_full_disk_under_one_batch_leaves_no_note_of_a_worker_that_has_ended(start_worker, publish_reading):
    events = [publish_reading(gauge_id=gauge, reading=1) for gauge in range(3)]

    with refused("BEFORE INSERT ON outbox_processedevent"):
        codes = [start_worker("--once", OUTBOX_BACKOFF_BASE="0").wait(timeout=60) for _ in range(3)]

    assert codes == [1, 1, 1]
    assert not InHand.objects.exists()
    assert [status_of(event) for event in events] == [(EventStatus.PENDING, 0)] * 3


def test_a_handler_that_spoils_the_marking_of_its_event_is_counted_and_ends_dead(noting, publish_reading, effects):
    def spoil(delivery):
        leave_effect(delivery)
        if delivery.event.reading == 1:
            execute("SET TRANSACTION READ ONLY")

    handles(GaugeCalibrated, name="test.read_only")(spoil)
    bad = publish_reading(gauge_id=1, reading=1)
    publish_reading(gauge_id=2, reading=2)

    for _ in range(20):
        OutboxEvent.objects.pending().filter(next_attempt_at__gt=Now()).update(next_attempt_at=Now())
        with suppress(DatabaseError):
            if not noting.dispatch(10).moved:
                break

    assert status_of(bad) == (EventStatus.DEAD, 3)
    assert effects() == [("2", 2)]


def test_a_second_connection_interrupted_in_the_middle_of_a_statement_still_takes_the_note_away(second):
    note = InHandNote("tested", second)
    note.write([(1, 1)])
    alarm = Alarm(60.0)
    alarm.give_back_after(0.0)
    alarm.start()

    try:
        with pytest.raises(GivenBack):
            second.query("SELECT pg_sleep(1000)", [])
    finally:
        alarm.stop()
    note.remove()

    assert not InHand.objects.exists()
    second.close()
    end_second_connections()
