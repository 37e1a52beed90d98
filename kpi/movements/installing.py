"""When the triggers come into the database: on PostgreSQL by migrations, on SQLite after each run of migrations."""

from __future__ import annotations

from typing import Any

from django.db import connections

from kpi.movements import former, triggers

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
    """Install those that are missing, if all tables are there: the ones that fit the tables as they are."""
    connection = connections[using]
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        if tables >= NEEDED:
            supplier = connection.introspection.get_table_description(cursor, "kpi_suppliermovement")
            is_present = "override_until" in {column.name for column in supplier}
            for statement in triggers.on_sqlite(triggers.NOTED if is_present else former.NOTED):
                cursor.execute(statement)
            for statement in triggers.belated_sqlite() if "kpi_belatedmovement" in tables else ():
                cursor.execute(statement)
