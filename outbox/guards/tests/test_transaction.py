"""What a handler does to the transaction of its batch counts against its own event, and costs the others nothing."""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import suppress

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models.functions import Now

from outbox.choices import EventStatus
from outbox.engine.dispatcher import Dispatcher
from outbox.engine.retry import RetryPolicy
from outbox.errors import TransactionSpoilt
from outbox.models import OutboxEvent, ProcessedEvent
from outbox.registry import handles, handles_batch
from outbox.tests.gauges import NEIGHBOURS, GaugeCalibrated, leave_effect, status_of

pytestmark = pytest.mark.django_db(transaction=True)

BAD = -1
PATIENT = RetryPolicy(max_attempts=3, base_seconds=86_400.0, cap_seconds=86_400.0)


def sql(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


def swallow_an_error_that_never_reached_the_server():
    with suppress(ValueError):
        OutboxEvent(attempts="abc").save()


def swallow_its_refusal():
    with suppress(TransactionSpoilt):
        sql("COMMIT")


def leave_a_block_open_and_write():
    transaction.atomic().__enter__()
    OutboxEvent.objects.filter(pk=0).update(attempts=0)


def leave_a_block_open_and_raise():
    transaction.atomic().__enter__()
    raise RuntimeError("in a block that was entered by hand")


def leave_a_block_that_is_not_its_own():
    connection.atomic_blocks[-1].__exit__(None, None, None)


def leave_all_blocks():
    while connection.in_atomic_block:
        connection.atomic_blocks[-1].__exit__(None, None, None)


def swallow_on_the_server():
    with suppress(DatabaseError):
        sql("SELECT 1 FROM a_table_that_is_not_there")


MISDEEDS = {
    "swallows an error of the ORM": swallow_an_error_that_never_reached_the_server,
    "asks for a rollback": lambda: transaction.set_rollback(True),
    "leaves a block open": lambda: transaction.atomic().__enter__(),
    "leaves a block open and writes": leave_a_block_open_and_write,
    "leaves a block open and raises": leave_a_block_open_and_raise,
    "leaves a block that is not its own": leave_a_block_that_is_not_its_own,
    "leaves all blocks": leave_all_blocks,
    "commits by Django": transaction.commit,
    "rolls back by Django": transaction.rollback,
    "switches autocommit on": lambda: transaction.set_autocommit(True),
    "sends ROLLBACK": lambda: sql("ROLLBACK"),
    "sends COMMIT": lambda: sql(" /* now */ -- really\n commit"),
    "sends COMMIT and swallows its refusal": swallow_its_refusal,
    "sends END": lambda: sql("END"),
    "sends BEGIN": lambda: sql("BEGIN"),
    "rolls back by the driver": lambda: connection.connection.rollback(),
    "commits by the driver": lambda: connection.connection.commit(),
}
ON_POSTGRES = {
    "closes the connection": lambda: connection.close(),
    "swallows an error of the server": swallow_on_the_server,
    "sends ABORT": lambda: sql("ABORT WORK"),
    "releases the worker's savepoint": lambda: (
        sql(f"RELEASE SAVEPOINT {connection.savepoint_ids[-1]}") if connection.savepoint_ids else sql("ROLLBACK")
    ),
    "sends two statements": lambda: sql("SELECT 1; COMMIT"),
}
COMMITTING = [
    leave_a_block_that_is_not_its_own,
    leave_all_blocks,
    MISDEEDS["commits by the driver"],
    ON_POSTGRES["sends two statements"],  # a worker's cursors refuse that; those of a test do not
]
CASES = [pytest.param(misdeed, id=name) for name, misdeed in MISDEEDS.items()]
CASES += [pytest.param(misdeed, id=name, marks=pytest.mark.postgres) for name, misdeed in ON_POSTGRES.items()]


def subscribe(misdeed, *, in_batches, before=False):
    def misbehave(delivery):
        if before and delivery.event.reading == BAD:
            misdeed()
        leave_effect(delivery)
        if not before and delivery.event.reading == BAD:
            misdeed()

    def misbehave_in_a_batch(deliveries):
        for delivery in deliveries:
            misbehave(delivery)

    if in_batches:
        handles_batch(GaugeCalibrated, name="test.misdeed")(misbehave_in_a_batch)
    else:
        handles(GaugeCalibrated, name="test.misdeed")(misbehave)


def work(worker):
    for _ in range(10):
        with suppress(OperationalError):  # what holds everybody up shows in the end
            if not worker.dispatch(100).moved:
                return


@pytest.mark.parametrize("in_batches", [False, True], ids=["one at a time", "in batches"])
@pytest.mark.parametrize("misdeed", CASES)
def test_it_counts_against_its_event_and_the_others_have_their_effect_once(
    good_neighbours, effects, misdeed, in_batches
):
    subscribe(misdeed, in_batches=in_batches)
    bad = good_neighbours(BAD)
    worker = Dispatcher(policy=PATIENT)

    for _ in range(4):
        work(worker)
        # Its successor waits with it, until it is dead.
        OutboxEvent.objects.pending().update(next_attempt_at=Now())

    assert status_of(bad) == (EventStatus.DEAD, 3)
    assert "[test.misdeed]" in OutboxEvent.objects.get(pk=bad.pk).last_error
    others = Counter(effect for effect in effects() if effect[1] != BAD)
    if misdeed not in COMMITTING:
        assert (others, ("1", BAD) in effects()) == (NEIGHBOURS, False)
    elif in_batches:
        # What the call had done is committed, and nobody knows how much that was: it is done again.
        assert set(others) == set(NEIGHBOURS)
    else:
        assert others == NEIGHBOURS
    assert ProcessedEvent.objects.filter(event_id=bad.event_id).count() == 0


@pytest.mark.parametrize("statement", ["SAVEPOINT mine", "SAVEPOINT mine; ROLLBACK TO SAVEPOINT mine"])
def test_a_handlers_own_savepoints_are_its_own(publish_reading, effects, statement):
    subscribe(lambda: [sql(part) for part in statement.split(";")], in_batches=False)
    publish_reading(gauge_id=1, reading=BAD)
    publish_reading(gauge_id=2, reading=2)

    assert Dispatcher(policy=PATIENT).dispatch(10).processed == 2
    assert effects() == [("1", BAD), ("2", 2)]


@pytest.mark.parametrize("robust", [False, True])
@pytest.mark.parametrize("error", [RuntimeError("no mail today"), SystemExit(1)], ids=["an error", "sys.exit"])
def test_an_on_commit_that_raises_is_logged_with_its_handler_and_counts_for_no_event(
    publish_reading, effects, caplog, robust, error
):
    done = []

    def hook():
        raise error

    @handles(GaugeCalibrated, name="test.hooked")
    def register_hooks(delivery):
        leave_effect(delivery)
        with suppress(RuntimeError), transaction.atomic():
            transaction.on_commit(hook)
            raise RuntimeError("so its hook goes with it")
        transaction.on_commit(hook, robust=robust)
        transaction.on_commit(lambda: done.append(delivery.event.reading))

    events = [publish_reading(gauge_id=gauge, reading=gauge) for gauge in range(3)]

    ended_by: list[BaseException] = []
    with caplog.at_level(logging.ERROR, logger="outbox"):
        try:
            assert Dispatcher(policy=PATIENT).dispatch(10).processed == 3
        except BaseException as raised:
            ended_by.append(raised)

    assert ended_by == []
    assert [status_of(event) for event in events] == [(EventStatus.PROCESSED, 0)] * 3
    assert done == [0, 1, 2]
    assert [record.getMessage().count("test.hooked") for record in caplog.records] == [1, 1, 1]
