"""A worker's walk: it goes on behind what cannot be had, and starts anew in its share of the time."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from outbox.choices import EventStatus
from outbox.engine import claim as claiming
from outbox.engine import statements
from outbox.engine.claim import Claimer
from outbox.engine.dispatcher import Dispatcher
from outbox.engine.tests.backlog import store_rows
from outbox.models import OutboxEvent
from outbox.registry import handles
from outbox.tests.gauges import GaugeCalibrated, leave_effect, status_of

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

BEYOND_ANY_WALK = 60.0


@pytest.fixture
def small_looks(monkeypatch):
    monkeypatch.setattr(claiming, "WINDOW", 8)


@pytest.fixture(autouse=True)
def no_second_look(monkeypatch):
    """A walk's end is looked at again. Then nothing is overlooked there, for however long the walk goes on."""
    monkeypatch.setattr(statements, "LATE_IDS", 0)
    monkeypatch.setattr(statements, "_LATE", timedelta())


def claim_of(claimer, limit=4, **options):
    with transaction.atomic():
        return claimer.claim(limit, **options)


def ids_of(claimed):
    return [event.pk for event in claimed.events]


def process(claimer, claimed):
    ids = ids_of(claimed)
    OutboxEvent.objects.filter(pk__in=ids).update(status=EventStatus.PROCESSED, processed_at=timezone.now())
    claimer.settled(set(ids), all_processed=True)


def claim_and_process(claimer, limit=4):
    claimed = claim_of(claimer, limit)
    process(claimer, claimed)
    return ids_of(claimed)


def insert_late(other, pk):
    """Insert an event under an id that was drawn long ago. It is visible when `other` commits."""
    with other.cursor() as cursor:
        cursor.execute(
            "INSERT INTO outbox_outboxevent (id, event_id, event_type, schema_version, aggregate_type, aggregate_id,"
            " payload, headers, status, attempts, last_error) VALUES (%s, %s, %s, 1, 'gauge', 'late', '{}', '{}',"
            " 'PENDING', 0, '')",
            [pk, uuid4(), GaugeCalibrated.event_type],
        )


class TestGoingOn:
    def test_what_lies_behind_the_walk_is_not_looked_at_again_before_its_time(self, clock, small_looks):
        first, *_ = store_rows(60)
        claimer = Claimer()
        taken = claim_and_process(claimer)
        OutboxEvent.objects.filter(pk=first).update(status=EventStatus.PENDING, processed_at=None)

        assert first in taken
        assert first not in claim_and_process(claimer)

    def test_heads_that_another_worker_holds_are_passed_over_once_for_a_walk(
        self, small_looks, another_worker_holds, monkeypatch
    ):
        monkeypatch.setattr(claiming, "WALK_SHARE", 1e-6)
        held = store_rows(20)
        free = store_rows(20, gauge="100 + i")
        another_worker_holds(*held)
        claimer = Claimer()

        first = claim_of(claimer)
        process(claimer, first)
        second = claim_of(claimer)

        assert first.events and second.events
        assert {*ids_of(first), *ids_of(second)} <= set(free)
        assert not claimer._not_to_be_had

    def test_waiting_heads_and_what_stands_behind_them_are_passed_over(self, small_looks):
        store_rows(10, due="now() + interval '5 minutes'")
        store_rows(3_000, gauge="mod(i, 10) + 1")
        free = store_rows(4, gauge="100 + i")

        claimed = ids_of(claim_of(Claimer()))

        assert len(claimed) >= 2  # half of a batch is enough to go on
        assert claimed == free[: len(claimed)]


class TestStartingAnew:
    def test_an_event_that_commits_late_under_a_lower_id_is_found_in_time(self, clock, small_looks, another_session):
        gap, *_ = store_rows(1)
        OutboxEvent.objects.all().delete()
        store_rows(100)
        other = another_session()
        insert_late(other, gap)
        claimer = Claimer()
        claim_and_process(claimer)
        other.commit()

        before = claim_and_process(claimer)
        clock.now += BEYOND_ANY_WALK
        after = claim_and_process(claimer)

        assert gap not in before
        assert gap in after

    def test_it_is_found_at_once_where_there_is_nothing_else(self, clock, small_looks, another_session):
        gap, *_ = store_rows(1)
        OutboxEvent.objects.all().delete()
        store_rows(1)
        other = another_session()
        insert_late(other, gap)
        claimer = Claimer()
        claim_and_process(claimer)
        other.commit()

        assert claim_and_process(claimer) == [gap]

    def test_a_claim_that_need_not_be_thorough_says_when_to_look_again(self, clock, small_looks, another_session):
        gap, *_ = store_rows(1)
        OutboxEvent.objects.all().delete()
        store_rows(1)
        other = another_session()
        insert_late(other, gap)
        claimer = Claimer()
        claim_and_process(claimer)
        other.commit()

        overlooked = claim_of(claimer, thorough=False)
        assert overlooked.events == []
        assert 0 < overlooked.next_due_seconds < 1
        clock.now += overlooked.next_due_seconds

        assert ids_of(claim_of(claimer, thorough=False)) == [gap]

    def test_heads_of_a_dead_worker_are_found_in_time(self, clock, small_looks, another_worker_holds):
        held = store_rows(4)
        store_rows(100, gauge="100 + i")
        worker = another_worker_holds(*held)
        claimer = Claimer()
        assert not set(claim_and_process(claimer)) & set(held)
        worker.rollback()  # as the server does when it finds the line closed, which takes it a moment
        worker.close()

        clock.now += BEYOND_ANY_WALK

        assert set(claim_and_process(claimer)) & set(held)

    def test_a_follower_that_became_free_is_found_in_time(self, clock, small_looks, another_worker_holds):
        head, follower = store_rows(2, gauge="1")
        store_rows(100, gauge="100 + i")
        other = another_worker_holds(head)
        claimer = Claimer()
        assert follower not in claim_and_process(claimer)
        with other.cursor() as cursor:
            cursor.execute("UPDATE outbox_outboxevent SET status = 'DONE', processed_at = now() WHERE id = %s", [head])
        other.commit()

        clock.now += BEYOND_ANY_WALK

        assert follower in claim_and_process(claimer)

    def test_walks_from_the_start_get_their_share_of_the_time_and_no_more(self, clock, small_looks):
        store_rows(400)
        claimer = Claimer()
        starts = set()
        for _ in range(40):
            claim_and_process(claimer)
            starts.add(claimer._walk.begun_at)
            clock.now += 0.004

        assert 2 <= len(starts) <= 20


class TestHeadsInMemory:
    def test_heads_of_a_batch_that_was_rolled_back_get_their_turn_again(self, clock, small_looks):
        store_rows(100)
        claimer = Claimer()
        rolled_back = ids_of(claim_of(claimer))
        claimer.settled()

        assert ids_of(claim_of(claimer)) == rolled_back

    def test_heads_that_a_batch_did_not_come_to_get_their_turn_again(self, clock, small_looks):
        store_rows(100)
        claimer = Claimer()
        first, *others = ids_of(claim_of(claimer))
        OutboxEvent.objects.filter(pk=first).delete()
        claimer.settled({first})

        assert set(others) <= set(ids_of(claim_of(claimer)))

    def test_a_head_that_has_been_put_off_since_is_not_taken(self, clock, small_looks):
        rows = store_rows(4)
        claimer = Claimer()
        claim_and_process(claimer, 1)
        OutboxEvent.objects.filter(pk=rows[1]).update(next_attempt_at=timezone.now() + timedelta(minutes=5))

        assert rows[1] in claimer._walk.line
        assert claim_and_process(claimer, 1) == [rows[2]]

    def test_what_follows_a_batch_is_next_when_all_of_it_was_processed(self, clock, small_looks):
        rows = store_rows(60, gauge="1")
        claimer = Claimer()

        taken = [claim_and_process(claimer) for _ in range(15)]

        assert [pk for ids in taken for pk in ids] == rows

    @pytest.mark.parametrize("decided_on", [0, 1, 3], ids="{} decided on".format)
    def test_what_follows_a_batch_is_not_next_when_an_event_of_it_is_left(self, clock, small_looks, decided_on):
        rows = store_rows(60, gauge="1")
        claimer = Claimer()
        taken = ids_of(claim_of(claimer))
        OutboxEvent.objects.filter(pk__in=taken[:decided_on]).delete()
        claimer.settled(set(taken[:decided_on]))

        assert ids_of(claim_of(claimer)) == rows[decided_on : decided_on + 4]

    @pytest.mark.parametrize("limit", [1, 4, 10])
    def test_successors_of_a_failing_follower_do_not_pass_it(self, policy, effects, make_due, publish_reading, limit):
        is_mended = []

        def fail(delivery):
            if delivery.event.reading == 3 and not is_mended:
                raise ValueError("worn out")
            leave_effect(delivery)

        handles(GaugeCalibrated, name="test.effect")(fail)
        for reading in range(30):
            publish_reading(gauge_id=1, reading=reading)
        worker = Dispatcher(policy=policy)

        def work():
            while worker.dispatch(limit).moved:
                pass

        work()
        assert effects() == [("1", reading) for reading in range(3)]
        is_mended.append(True)
        make_due()
        work()

        assert effects() == [("1", reading) for reading in range(30)]


class TestUnknownTypes:
    def test_they_come_when_there_is_nothing_else_and_are_parked(self, policy, publish_reading):
        unknown = publish_reading(gauge_id=1)
        OutboxEvent.objects.filter(pk=unknown.pk).update(event_type="FROM_THE_FUTURE")
        known = publish_reading(gauge_id=2)
        worker = Dispatcher(policy=policy)

        first, second, third = (worker.dispatch(10) for _ in range(3))

        assert (first.processed, first.parked) == (1, 0)
        assert (second.processed, second.parked) == (0, 1)
        assert (third.moved, status_of(known)[0]) == (0, EventStatus.PROCESSED)
        assert status_of(unknown) == (EventStatus.PENDING, 0)
        assert OutboxEvent.objects.waiting().get() == unknown

    def test_what_is_parked_comes_again_when_its_time_has_come(self, policy, publish_reading, make_due):
        unknown = publish_reading(gauge_id=1)
        OutboxEvent.objects.filter(pk=unknown.pk).update(event_type="FROM_THE_FUTURE")
        worker = Dispatcher(policy=policy)
        assert worker.dispatch(10).parked == 1

        make_due()

        assert worker.dispatch(10).parked == 1
