"""What a claim costs. It depends on what it brings, and not on what waits, was handled, or lies behind a head."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice

import pytest
from django.db import connection, transaction

from outbox.choices import EventStatus
from outbox.engine import claim as claiming
from outbox.engine.claim import Claimer
from outbox.engine.tests.backlog import TABLE, explained, store_rows
from outbox.models import OutboxEvent
from outbox.tests.gauges import GaugeCalibrated

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

MANY = 20_000
PAGES = 400
"""More than a look at 32 rows, the questions for their heads, and a lock on 10 rows need. 20,000 rows are 600 pages."""
TYPES = 20
"""A look at each type of event costs ten pages: those of all that the product has would hide what is looked for."""
LIMIT = 10

INDEXES = {
    "look": {"outbox_pending", "outbox_pending_by_aggregate"},
    "types": {"outbox_pending"},
    "followers": {"outbox_pending_by_aggregate", f"{TABLE}_pkey"},
    "lock": {f"{TABLE}_pkey"},
}


class Rollback(Exception):
    """Ends a transaction of which nothing shall stay."""


@pytest.fixture(autouse=True)
def few_types(monkeypatch):
    few = dict(islice(claiming.event_types.items(), TYPES - 1))
    monkeypatch.setattr(claiming, "event_types", {GaugeCalibrated.event_type: GaugeCalibrated, **few})


@pytest.fixture
def one_long_walk(monkeypatch):
    """A walk that does not start anew. Its looks are small, so that there are many."""
    monkeypatch.setattr(claiming, "WALK_SHARE", 1e-6)
    monkeypatch.setattr(claiming, "WINDOW", 64)
    monkeypatch.setattr(claiming, "WIDE_WINDOW", 512)


def claim_and_process(claimer):
    with transaction.atomic():
        events = claimer.claim(LIMIT).events
        OutboxEvent.objects.filter(pk__in=[event.pk for event in events]).update(status=EventStatus.DEAD)
    claimer.settled({event.pk for event in events}, all_processed=True)
    return events


def pages_of_further_claims(number=12):
    """Return the greatest number of pages of a statement, by kind, after the first claim of a walk."""
    claimer = Claimer()
    assert claim_and_process(claimer)
    most = dict.fromkeys(INDEXES, 0)
    for _ in range(number):
        with explained() as reads:
            assert claim_and_process(claimer)
        most |= {read.statement: max(read.pages, most[read.statement]) for read in reads}
    return most


def test_what_was_handled_under_an_old_snapshot_costs_the_first_claim_of_a_walk_alone(one_long_walk, another_session):
    store_rows(MANY)
    with another_session().cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute(f"SELECT count(*) FROM {TABLE}")
        OutboxEvent.objects.update(status=EventStatus.DEAD)
        store_rows(500, gauge="100000 + i")

        most = pages_of_further_claims()

    assert 0 < most["look"] < PAGES
    assert 0 < most["lock"] < PAGES


def test_what_stands_behind_a_waiting_head_costs_the_first_claim_of_a_walk_alone(one_long_walk):
    store_rows(1, gauge="1", due="now() + interval '30 minutes'")
    store_rows(MANY, gauge="1")
    store_rows(500, gauge="100000 + i")

    most = pages_of_further_claims(40)

    assert 0 < most["look"] < PAGES
    assert 0 < most["lock"] < PAGES


def test_events_that_wait_cost_nothing(one_long_walk):
    store_rows(MANY, due="now() + i * interval '0.1 seconds' + interval '5 minutes'")
    store_rows(500, gauge="100000 + i")

    with explained() as reads, transaction.atomic():
        assert len(Claimer().claim(LIMIT).events) == LIMIT

    assert max(read.pages for read in reads) < PAGES


def test_one_aggregate_with_thousands_of_events_costs_what_a_batch_of_it_costs(one_long_walk):
    store_rows(MANY, gauge="1")

    most = pages_of_further_claims()

    assert 0 < most["look"] < PAGES
    assert 0 < most["lock"] < PAGES
    assert 0 < most["followers"] < PAGES


@pytest.mark.parametrize("by_generic_plans", [False, True], ids=["custom plans", "generic plans"])
@pytest.mark.parametrize(
    "statistics",
    [
        "none",
        "of an empty table",
        "of rows that were rolled back",
        "of pending rows alone",
        "of handled rows alone",
        "of a long history",
    ],
)
def test_every_statement_of_a_claim_takes_its_index_whatever_statistics_say(statistics, by_generic_plans):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM pg_statistic WHERE starelid = %s::regclass", [TABLE])
        if statistics == "of an empty table":
            cursor.execute(f"VACUUM ANALYZE {TABLE}")
        elif statistics == "of rows that were rolled back":
            # Pages without rows, as of a table that is looked at while a long transaction fills it.
            with suppress(Rollback), transaction.atomic():
                store_rows(MANY)
                raise Rollback
            cursor.execute(f"ANALYZE {TABLE}")
        elif statistics == "of pending rows alone":
            pending = store_rows(MANY, gauge="i / 10")
            cursor.execute(f"ANALYZE {TABLE}")
            OutboxEvent.objects.filter(pk__in=pending).delete()
        store_rows(MANY, gauge="i / 10", status=EventStatus.DEAD)
        if statistics == "of handled rows alone":
            cursor.execute(f"ANALYZE {TABLE}")
        store_rows(MANY // 10, gauge="i / 10")
        store_rows(MANY // 10, gauge="100000 + i", due="now() + interval '5 minutes'")
        store_rows(5, gauge="200000 + i", event_type="FROM_THE_FUTURE")
        if statistics == "of a long history":
            cursor.execute(f"ANALYZE {TABLE}")
    claimer = Claimer()

    with transaction.atomic(), explained(by_generic_plans=by_generic_plans) as reads:
        assert len(claimer.claim(100).events) == 100
    OutboxEvent.objects.pending().exclude(event_type="FROM_THE_FUTURE").update(status=EventStatus.DEAD)
    claimer.forget()
    with transaction.atomic(), explained(by_generic_plans=by_generic_plans) as empty:
        assert len(claimer.claim(100).events) == 5

    assert {read.statement for read in reads + empty} == set(INDEXES)
    for read in reads + empty:
        assert read.indexes <= INDEXES[read.statement], read
    assert max(read.removed for read in reads) < 100, "rows were read past"
