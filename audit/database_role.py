"""A role of PostgreSQL that can read and extend the trail, and not change it."""

from __future__ import annotations

from django.db import connection, transaction
from psycopg import sql

from audit.models import AuditEntry, AuditSeal, ReviewStamp, SealedEntry

APPEND_ONLY = tuple(model._meta.db_table for model in (AuditEntry, AuditSeal, SealedEntry, ReviewStamp))
RIGHTS = "SELECT, INSERT, UPDATE, DELETE"
STATEMENTS = (
    f"GRANT {RIGHTS} ON ALL TABLES IN SCHEMA public TO {{role}}",
    f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {RIGHTS} ON TABLES TO {{role}}",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {role}",
    "GRANT USAGE ON SCHEMA public TO {role}",
    f"REVOKE UPDATE, DELETE, TRUNCATE ON {', '.join(APPEND_ONLY)} FROM {{role}}",
)
_IS_UNRESTRICTED = """
SELECT rolsuper OR pg_has_role(%s, tableowner, 'MEMBER') FROM pg_roles, pg_tables
WHERE rolname = %s AND tablename = %s AND schemaname = current_schema()
"""


@transaction.atomic
def grant_application_role(name: str) -> None:
    """
    Give an existing role what the application needs to run.

    Of the trail it may read and add. It may not update, delete or truncate, nor switch a trigger off. Idempotent. Later
    tables of this owner are included.
    Raises LookupError if there is no such role. Raises ValueError for one that could do everything anyway, and
    DatabaseError if this session may not grant.
    """
    with connection.cursor() as cursor:
        cursor.execute(_IS_UNRESTRICTED, [name, name, APPEND_ONLY[0]])
        found = cursor.fetchone()
        if found is None:
            raise LookupError(f"there is no role {name!r}")
        if found[0]:
            raise ValueError(f"role {name!r} is a superuser or a member of the tables' owner; it is not restricted")
        for statement in STATEMENTS:
            cursor.execute(sql.SQL(statement).format(role=sql.Identifier(name)))
