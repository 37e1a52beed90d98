"""What the database is asked beside rows: reasons, time, turns."""

from __future__ import annotations

import threading

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from qhse.accounts.models import User
from qhse.database import SqlState, database_time, sqlstate, sqlstates, take_turn


def failure(code: str) -> DatabaseError:
    """Return the exception that Django raises when PostgreSQL refuses for this reason."""
    with pytest.raises(DatabaseError) as raised, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = '{code}'; END $$")
    return raised.value


class TestSqlState:
    @pytest.mark.postgres
    @pytest.mark.parametrize("reason", SqlState)
    def test_is_what_the_server_said(self, db, reason):
        assert sqlstate(failure(reason)) == reason

    def test_of_an_error_without_one_is_nothing(self, users):
        with pytest.raises(IntegrityError) as raised, transaction.atomic():
            User.objects.bulk_create([User(pk=users["quality"].pk, username="another", role="quality")])

        assert sqlstate(OperationalError("the line broke")) == ""
        assert connection.vendor == "postgresql" or sqlstate(raised.value) == ""

    @pytest.mark.postgres
    def test_of_wrapped_errors_are_found_outermost_first(self, db):
        inner, outer = failure(SqlState.DEADLOCK), failure(SqlState.DISK_FULL)
        outer.__cause__.__context__ = RuntimeError("while the first was handled")
        outer.__cause__.__context__.__cause__ = inner

        assert list(sqlstates(outer)) == [SqlState.DISK_FULL, SqlState.DEADLOCK]

    def test_of_a_circle_of_errors_ends(self):
        one, other = ValueError("one"), ValueError("other")
        one.__cause__, other.__cause__ = other, one

        assert list(sqlstates(one)) == []


class TestDatabaseTime:
    def test_is_aware_and_goes_on(self, db):
        first, second = database_time(), database_time()

        assert timezone.is_aware(first)
        assert first <= second

    @pytest.mark.postgres
    def test_goes_on_within_a_transaction(self, db):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT now()")

            assert database_time() > cursor.fetchone()[0]


class TestATurn:
    def test_is_ours_when_nobody_has_it(self, db):
        assert take_turn(4711)
        assert take_turn(-(2**63))

    @pytest.mark.postgres
    @pytest.mark.django_db(transaction=True)
    def test_belongs_to_one_transaction_until_that_ends(self):
        taken, end = threading.Event(), threading.Event()

        def first() -> None:
            with transaction.atomic():
                take_turn(4711)
                taken.set()
                end.wait(10)
            connection.close()

        other = threading.Thread(target=first)
        other.start()
        try:
            assert taken.wait(10)
            with transaction.atomic():
                assert not take_turn(4711)
                assert take_turn(4712)
        finally:
            end.set()
            other.join(10)
        with transaction.atomic():
            assert take_turn(4711)
