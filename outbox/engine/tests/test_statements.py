"""Both dialects give the same answers. On PostgreSQL the texts are those that the ORM stands for."""

from __future__ import annotations

import pytest
from django.db import connection

from outbox.engine.statements import _lock_text, lock, look, remember, sources_of
from outbox.models import OutboxEvent, ProcessedEvent
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


class TestRemember:
    def test_returns_the_pairs_that_were_not_stored_before(self):
        known, fresh = (uuid7(), "a.known"), (uuid7(), "a.fresh")
        ProcessedEvent.objects.create(event_id=known[0], handler=known[1])

        assert remember([known, fresh]) == {fresh}
        assert remember([known, fresh]) == set()

    def test_says_shortly_that_all_are_new(self):
        pair = (uuid7(), "a.fresh")

        assert remember([pair]) == (None if connection.vendor == "postgresql" else {pair})
