"""Statements that the server plans once, and again when plans have grown old."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from outbox.engine import prepared
from outbox.engine.prepared import prepared_cursor

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


def times_planned() -> int:
    with prepared_cursor() as cursor:
        cursor.execute("SELECT planning()")
        return cursor.fetchone()[0]


def test_a_plan_serves_until_it_is_old(planning, monkeypatch):
    fresh = [times_planned() for _ in range(6)]
    monkeypatch.setattr(prepared, "REPLAN_SECONDS", 0.0)
    old = [times_planned() for _ in range(3)]

    assert len(set(fresh[1:])) == 1
    assert len(set(old)) == 3


@pytest.mark.parametrize("rolled_back", [(), (0, 1, 2), (1,), (1, 2), (0, 3)], ids=str)
def test_planning_anew_fails_no_statement_whatever_is_rolled_back_beside_it(planning, monkeypatch, rolled_back):
    monkeypatch.setattr(prepared, "REPLAN_SECONDS", 0.0)

    refusals = []
    for turn in range(8):
        try:
            with transaction.atomic():
                times_planned()
                times_planned()
                transaction.set_rollback(turn % 4 in rolled_back)
        except DatabaseError as refusal:
            refusals.append(str(refusal))

    assert refusals == []
