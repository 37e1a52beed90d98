"""Handlers that hang are ended and counted, and a worker that is told to stop does so."""

from __future__ import annotations

import signal
from collections import Counter

import pytest

from dev.waiting import wait_until
from outbox.choices import EventStatus
from outbox.models import InHand, OutboxEvent
from outbox.tests.gauges import NEIGHBOURS, QUICK, Misdeed, connected_workers, status_of

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(
    "misdeed",
    [Misdeed.SLEEP, Misdeed.SLEEP_IN_SQL, Misdeed.SPIN, Misdeed.SWALLOW],
    ids=["sleep", "sleep in SQL", "loop", "sleep that swallows"],
)
def test_a_handler_that_hangs_is_ended_by_its_deadline_and_counted(start_worker, good_neighbours, effects, misdeed):
    bad = good_neighbours(misdeed)

    worker = start_worker("--max-attempts", "2", "--handler-timeout", "0.5", **QUICK)

    wait_until(lambda: status_of(bad) == (EventStatus.DEAD, 2), seconds=60, what="the event to be dead")
    wait_until(lambda: Counter(effects()) == NEIGHBOURS, seconds=20, what="the others to be handled")
    assert worker.poll() is None
    error = OutboxEvent.objects.get(pk=bad.pk).last_error
    assert ("canceling statement" if misdeed == Misdeed.SLEEP_IN_SQL else "still running after 0.5 s") in error


def test_a_handler_that_nothing_can_interrupt_takes_its_process_along_and_is_counted(
    start_worker, good_neighbours, effects
):
    bad = good_neighbours(Misdeed.HANG_IN_C)
    options = ("--max-attempts", "1", "--handler-timeout", "0.2")

    first = start_worker(*options, **QUICK)  # in a batch: nobody knows which event it was
    assert first.wait(timeout=60) == 1
    second = start_worker(*options, **QUICK)  # alone
    assert second.wait(timeout=60) == 1
    start_worker(*options, **QUICK)

    wait_until(lambda: status_of(bad) == (EventStatus.DEAD, 1), seconds=30, what="the event to be dead")
    wait_until(lambda: Counter(effects()) == NEIGHBOURS, seconds=20, what="the others to be handled")
    assert "Timeout" in first.stdout.read()


def test_a_worker_told_to_stop_gives_back_what_does_not_end_within_its_grace_time(
    start_worker, publish_reading, effects
):
    event = publish_reading(reading=Misdeed.SLEEP)
    worker = start_worker("--handler-timeout", "300")
    wait_until(InHand.objects.exists, seconds=30, what="the event to be in hand")

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(timeout=10) == 0
    assert status_of(event) == (EventStatus.PENDING, 0)
    assert effects() == []
    assert not InHand.objects.exists()


def test_a_second_signal_ends_a_worker_at_once_and_its_batch_is_rolled_back(start_worker, publish_reading, effects):
    event = publish_reading(reading=Misdeed.SLEEP)
    worker = start_worker("--handler-timeout", "300")
    wait_until(InHand.objects.exists, seconds=30, what="the event to be in hand")

    worker.send_signal(signal.SIGTERM)
    worker.send_signal(signal.SIGINT)

    assert worker.wait(timeout=3) == 1
    wait_until(lambda: not connected_workers(), what="its connection to end")
    assert status_of(event) == (EventStatus.PENDING, 0)
    assert effects() == []
