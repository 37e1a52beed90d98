"""Handlers that end their process or their connection are found, counted and dead in the end."""

from __future__ import annotations

import signal
from collections import Counter

import pytest

from dev.waiting import wait_until
from outbox.choices import EventStatus
from outbox.models import InHand, OutboxEvent
from outbox.services import requeue_dead_event
from outbox.tests.gauges import NEIGHBOURS, QUICK, Misdeed, status_of

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
