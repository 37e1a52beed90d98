"""What runs beside the engine's own statements is planned for its values, and reads no history."""

from __future__ import annotations

import io
import re
import threading
from datetime import timedelta

import pytest
from django.db import connection

from outbox.choices import EventStatus
from outbox.metrics import outbox_gauges
from qhse.attachments.services import attach
from qhse.attachments.tests.files import PNG
from qhse.periodic import jobs

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

MANY, FEW = 20_000, 100
BY_KEY = {"leave_sign_of_life"}
"""Jobs that write one row by its key, which has one plan."""
OF_FEW_ROWS = "audit_trailverification"
"""A table for which any plan is good. It is asked outside of a transaction, as an idle worker does so often."""
OF_A_TABLE = re.compile(r"\b(FROM|INTO|UPDATE)\b")


@pytest.fixture
def history(publish_reading):
    """Events that were handled, and one that was not."""
    publish_reading()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO outbox_outboxevent SELECT (jsonb_populate_record(e, jsonb_build_object('id', e.id + i, "
            "'event_id', gen_random_uuid(), 'status', %s::text, 'processed_at', now()))).* "
            "FROM outbox_outboxevent e, generate_series(1, %s::int) AS i",
            [EventStatus.PROCESSED, MANY],
        )
        cursor.execute("VACUUM ANALYZE outbox_outboxevent")


@pytest.fixture
def work_to_do(make_nc, make_certificate, users):
    """A case that is late, with a picture, and a certificate."""
    nc = make_nc()
    make_certificate()
    attach(
        entity_type="nonconformity", entity_id=str(nc.pk), name="bore.png", content=io.BytesIO(PNG),
        actor=users["quality"],
    )  # fmt: skip
    type(nc).objects.update(due_on=nc.created_at.date() - timedelta(days=100))


@pytest.mark.parametrize("name", sorted(jobs.keys() - BY_KEY))
def test_each_statement_of_a_job_is_planned_for_its_values(name, workers_line, work_to_do):
    plans = []

    def watch(execute, sql, params, many, context):
        if OF_A_TABLE.search(sql) and OF_FEW_ROWS not in sql:
            ask = "SELECT current_setting('enable_sort'), current_setting('plan_cache_mode')"
            plans.append((*connection.connection.execute(ask).fetchone(), sql))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        jobs[name].work()

    assert plans or name == "verify_whole_trail"
    assert [sql for *plan, sql in plans if plan != ["on", "force_custom_plan"]] == []


def test_metrics_that_a_worker_is_asked_for_read_no_history(workers_line, history, pages_read):
    connection.ensure_connection()

    def ask() -> None:
        list(outbox_gauges())
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_force_next_flush()")
        connection.close()

    def ask_elsewhere() -> None:
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()

    read = pages_read(ask_elsewhere)

    assert max(read.values()) < FEW, read
