"""What PostgreSQL has and SQLite needs no statement for: a clock that all share, and a lock without a row."""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.utils import timezone


def database_time() -> datetime:
    """Return the time by the database's clock. SQLite runs in this process and has none of its own."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def try_lock(key: int) -> bool:
    """
    Take the lock with this number until the transaction ends, or return False if somebody else has it.

    On SQLite it is there for the asking: only one transaction writes at a time, and this is the one.
    """
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [key])
        taken: bool = cursor.fetchone()[0]
    return taken
