"""A clock of the database that a test moves."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from django.db import connection
from django.utils import timezone

Moved = Callable[[datetime], None]
_FAKES = """
CREATE SCHEMA moved;
CREATE FUNCTION moved.statement_timestamp() RETURNS timestamptz LANGUAGE sql AS
    $$ SELECT pg_catalog.current_setting('moved.now')::timestamptz $$;
CREATE FUNCTION moved.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS
    $$ SELECT pg_catalog.current_setting('moved.now')::timestamptz $$;
SET LOCAL search_path = moved, pg_catalog, public;
"""


@pytest.fixture
def move_clock(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Moved]:
    """
    Return what sets the database's clock. The services and the triggers ask no other.

    On SQLite its function of time is replaced, for this connection. On PostgreSQL functions of the same names are found
    first, and columns take them as their defaults; the test's transaction takes that back.
    """
    if connection.vendor == "postgresql":
        yield _on_postgresql()
        return
    present: list[datetime] = []
    builtin = sqlite3.connect(":memory:")

    def strftime(form: str, *of: str) -> str | None:
        if present and of and str(of[0]).lower() == "now":
            of = (present[0].strftime("%Y-%m-%d %H:%M:%S.%f"), *of[1:])
        places = ", ".join("?" * (1 + len(of)))
        found: str | None = builtin.execute(f"SELECT strftime({places})", (form, *of)).fetchone()[0]
        return found

    real = timezone.now
    connection.ensure_connection()
    connection.connection.create_function("strftime", -1, strftime)
    monkeypatch.setattr(timezone, "now", lambda: present[0] if present else real())

    def move(moment: datetime) -> None:
        present[:] = [moment]

    yield move
    present.clear()  # what was put in the place of SQLite's own function stays there, and tells the time


def _on_postgresql() -> Moved:
    with connection.cursor() as cursor:
        cursor.execute(_FAKES)
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = 'public' AND column_default LIKE '%%statement_timestamp()'"
        )
        for table, column in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} ALTER {column} SET DEFAULT moved.statement_timestamp()")

    def move(moment: datetime) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('moved.now', %s, true)", [moment.isoformat()])

    move(timezone.now())  # until a test says otherwise
    return move
