"""Waking workers that wait. A notification shortens their wait. Polling is what guarantees progress."""

from __future__ import annotations

from django.db import connection

CHANNEL = "qhse_outbox"


def wake_workers() -> None:
    """
    Tell waiting workers to look, once the caller's transaction commits. A rollback tells nobody.

    Inserting events does it by itself, by a trigger of the table. SQLite has no notifications. Workers there poll.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])
