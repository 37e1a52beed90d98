"""When the triggers come into the database: on PostgreSQL by a migration, on SQLite after each run of migrations."""

from __future__ import annotations

from typing import Any

from django.db import connections

from kpi.movements import triggers

NEEDED = {triggers.CASES, triggers.ACTIONS, triggers.CERTIFICATES, triggers.SUPPLIERS, triggers.VOLUMES}
NEEDED |= set(triggers.MOVEMENTS)


def remove_from_sqlite(*, using: str, plan: Any, **_: Any) -> None:
    """Take them away before tables change."""
    connection = connections[using]
    if connection.vendor == "sqlite" and plan:
        with connection.cursor() as cursor:
            for statement in triggers.off_sqlite():
                cursor.execute(statement)


def install_on_sqlite(*, using: str, **_: Any) -> None:
    """Install those that are missing, if all tables are there."""
    connection = connections[using]
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        if set(connection.introspection.table_names(cursor)) >= NEEDED:
            for statement in triggers.on_sqlite():
                cursor.execute(statement)
