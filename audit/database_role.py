"""A database role that can add to the trail, and neither change nor empty it."""

from __future__ import annotations

from django.db import DatabaseError, connection, transaction
from psycopg import sql

from audit.models import AuditEntry, AuditSeal, SealedEntry

APPEND_ONLY = tuple(model._meta.db_table for model in (AuditEntry, AuditSeal, SealedEntry))
_IS_OWNER = """
SELECT rolsuper, pg_has_role(%s, tableowner, 'MEMBER') FROM pg_roles, pg_tables
WHERE rolname = %s AND tablename = %s AND schemaname = current_schema()
"""


@transaction.atomic
def grant_application_role(name: str) -> list[str]:
    """
    Give an existing role of PostgreSQL what the application needs to run, and return what could not be given.

    Of the trail it may read and add; UPDATE, DELETE, TRUNCATE and everything that only an owner can do, such as
    switching a trigger off, are not among its rights. Idempotent; also for tables of later migrations by this owner.
    Raises LookupError if there is no such role, DatabaseError if this session may not grant.
    """
    role = sql.Identifier(name)
    with connection.cursor() as cursor:
        cursor.execute(_IS_OWNER, [name, name, AuditEntry._meta.db_table])
        found = cursor.fetchone()
        if found is None:
            raise LookupError(f"there is no role {name!r}")
        if any(found):
            raise ValueError(f"role {name!r} is a superuser or a member of the tables' owner; it is not restricted")
        rights = "SELECT, INSERT, UPDATE, DELETE"
        for statement in (
            f"GRANT {rights} ON ALL TABLES IN SCHEMA public TO {{role}}",
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {rights} ON TABLES TO {{role}}",
            "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {role}",
            "GRANT USAGE ON SCHEMA public TO {role}",
            *(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {{role}}" for table in APPEND_ONLY),
        ):
            cursor.execute(sql.SQL(statement).format(role=role))
        return _grant_statistics(role)


def _grant_statistics(role: sql.Identifier) -> list[str]:
    """Let it see how old other roles' transactions are, by which a seal knows what it closes."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql.SQL("GRANT pg_read_all_stats TO {role}").format(role=role))
    except DatabaseError:
        return ["pg_read_all_stats"]
    return []
