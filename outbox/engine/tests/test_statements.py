"""Both dialects give the same answers. On PostgreSQL the texts are those that the ORM stands for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from outbox.engine.statements import _lock_text, lock, look, read_followers, remember, sources_of
from outbox.models import DUE_AT_ONCE, OutboxEvent, ProcessedEvent
from qhse.uuid7 import uuid7

pytestmark = pytest.mark.django_db


class TestLook:
    def test_returns_the_first_pending_event_of_each_aggregate(self, publish_reading):
        first, other = publish_reading(gauge_id=1), publish_reading(gauge_id=2)
        publish_reading(gauge_id=1)

        assert look([*sources_of(first.event_type)], 10).heads == [first.pk, other.pk]


class TestLock:
    def test_returns_what_handlers_need_to_know(self, publish_reading):
        event = publish_reading(gauge_id=7, reading=3)

        (locked,) = lock([event.pk])

        stored = OutboxEvent.objects.get(pk=event.pk)
        assert (locked.pk, locked.event_id, locked.aggregate) == (event.pk, event.event_id, ("gauge", "7"))
        assert (locked.payload, locked.attempts) == ({"gauge_id": 7, "reading": 3}, 0)
        assert locked.occurred_at == stored.occurred_at

    @pytest.mark.postgres
    def test_is_the_query_of_the_orm_with_one_array_for_the_ids(self):
        sql, parameters = _lock_text(60.0)

        assert sql.endswith('FOR UPDATE OF "outbox_outboxevent" SKIP LOCKED')
        assert '"outbox_outboxevent"."id" = ANY(%s)' in sql
        assert sql.count("%s") == len(parameters) + 1


HOUR = timedelta(hours=1)
MOMENT = timedelta(minutes=1)


def is_taken(event):
    """Answer whether a look and a lock take it for due. They must agree."""
    seen = event.pk in look([*sources_of(event.event_type)], 10).heads
    assert seen == bool(lock([event.pk]))
    return seen


class TestDue:
    def test_a_fresh_event_is_due_by_any_clock(self, publish_reading):
        event = publish_reading()

        assert OutboxEvent.objects.get(pk=event.pk).next_attempt_at == DUE_AT_ONCE
        assert is_taken(event)

    def test_a_fresh_event_is_due_though_it_was_published_by_a_clock_that_was_an_hour_ahead(self, publish_reading):
        event = publish_reading()
        ahead = timezone.now() + HOUR
        OutboxEvent.objects.filter(pk=event.pk).update(occurred_at=ahead, created_at=ahead)

        assert is_taken(event)

    @pytest.mark.parametrize(
        ("wait", "taken"), [(-HOUR, True), (MOMENT, False), (HOUR - MOMENT, False), (HOUR + MOMENT, True)], ids=str
    )
    def test_a_retry_waits_for_its_time_unless_no_clock_that_is_right_can_have_set_it(
        self, publish_reading, settings, wait, taken
    ):
        settings.OUTBOX_BACKOFF_CAP = HOUR.total_seconds()
        event = publish_reading()
        OutboxEvent.objects.filter(pk=event.pk).update(next_attempt_at=timezone.now() + wait)

        assert is_taken(event) is taken

    def test_a_parked_event_waits_its_time_though_backoffs_are_shorter(self, publish_reading, settings):
        settings.OUTBOX_BACKOFF_CAP = 1.0
        event = publish_reading()
        OutboxEvent.objects.filter(pk=event.pk).update(next_attempt_at=timezone.now() + timedelta(seconds=50))

        assert not is_taken(event)


class TestFollowers:
    def test_are_those_of_the_same_aggregate_in_order_due_or_not(self, publish_reading):
        head, second, third, waiting, last = (publish_reading(gauge_id=1) for _ in range(5))
        other = publish_reading(gauge_id=1)
        OutboxEvent.objects.filter(pk=other.pk).update(aggregate_type="lathe")
        other_behind = publish_reading(gauge_id=1)
        OutboxEvent.objects.filter(pk=other_behind.pk).update(aggregate_type="lathe")
        OutboxEvent.objects.filter(pk=waiting.pk).update(next_attempt_at=timezone.now() + MOMENT)
        alone = publish_reading(gauge_id=2)

        heads = lock([alone.pk, other.pk, head.pk])

        assert [event.pk for event in heads] == [head.pk, other.pk, alone.pk]
        assert read_followers(heads, 8) == [[second.pk, third.pk, waiting.pk, last.pk], [other_behind.pk], []]


class TestRemember:
    def test_returns_the_pairs_that_were_not_stored_before(self):
        known, fresh = (uuid7(), "a.known"), (uuid7(), "a.fresh")
        ProcessedEvent.objects.create(event_id=known[0], handler=known[1])

        assert remember([known, fresh]) == {fresh}
        assert remember([known, fresh]) == set()

    def test_says_shortly_that_all_are_new(self):
        pair = (uuid7(), "a.fresh")

        assert remember([pair]) == (None if connection.vendor == "postgresql" else {pair})
