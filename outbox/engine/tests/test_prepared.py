"""Statements that the server plans once, also while the outbox is empty."""

from __future__ import annotations

import json

import pytest
from django.db import connection, transaction

from outbox.engine.statements import _prepared_cursor, look, remember, sources_of
from outbox.guards.session import settle_session
from qhse.uuid7 import uuid7

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def planning():
    """Count plannings: what is immutable is computed when a statement is planned."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SEQUENCE plannings")
        cursor.execute(
            "CREATE FUNCTION planning() RETURNS bigint IMMUTABLE LANGUAGE plpgsql "
            "AS $$ BEGIN RETURN nextval('plannings'); END $$"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION planning")
        cursor.execute("DROP SEQUENCE plannings")
    connection.close()


def test_a_repeated_statement_is_planned_once(planning):
    def times_planned() -> int:
        with _prepared_cursor() as cursor:
            cursor.execute("SELECT planning()")
            return cursor.fetchone()[0]

    assert len({times_planned() for _ in range(6)} - {1}) == 1


def test_a_look_that_was_planned_for_an_empty_outbox_reads_a_full_one_by_its_indexes(workers_line, publish_reading):
    publish_reading()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE outbox_outboxevent")  # known to be small
        cursor.execute("SET plan_cache_mode = force_generic_plan")
        for _ in range(2):  # the driver prepares what comes again
            look([*sources_of("TEST_GAUGE_CALIBRATED")], 1024)
        cursor.execute("SELECT name FROM pg_prepared_statements WHERE statement LIKE '%WITH source%'")
        (name,) = cursor.fetchone()
        cursor.execute(f"EXPLAIN (FORMAT JSON) EXECUTE {name} ('{{T}}', '{{-infinity}}', '{{0}}', '{{infinity}}')")
        plan = json.dumps(cursor.fetchone()[0])

    assert "Index" in plan
    assert "Seq Scan" not in plan


def test_handlers_statements_are_planned_as_anywhere_else(workers_line):
    def settings() -> tuple[str, ...]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('enable_seqscan'), current_setting('enable_sort')")
            return cursor.fetchone()

    with transaction.atomic():
        before = settings()
        remember([(uuid7(), "test.handler")])
        for_handlers = settings()
        settle_session()

        assert (before, for_handlers, settings()) == (("off", "off"), ("on", "on"), ("off", "off"))
