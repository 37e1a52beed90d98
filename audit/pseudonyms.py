"""What only the owner of the tables can do: replace a person's name, and give a role its narrower rights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet
from psycopg import sql

from audit.models import AuditEntry, AuditSeal, SealedEntry
from audit.proof.verify_export import pseudonym_of

TABLE = AuditEntry._meta.db_table
_IS_OWNER = """
SELECT rolsuper, pg_has_role(%s, tableowner, 'MEMBER') FROM pg_roles, pg_tables
WHERE rolname = %s AND tablename = %s AND schemaname = current_schema()
"""
APPEND_ONLY = tuple(model._meta.db_table for model in (AuditEntry, AuditSeal, SealedEntry))


def replace_actor_name(actor_id: int) -> int:
    """
    Replace a person's name by a pseudonym in all entries of his, and return in how many; in the caller's transaction.

    The proof covers a salted digest of the name: without the salt, which is deleted, it says nothing, and everything
    else of the entry is verified as before. Writers of entries wait until the transaction ends (PostgreSQL: a SHARE
    ROW EXCLUSIVE lock). Raises DatabaseError for a role that does not own the table.
    """
    with _triggers_off():
        entries: QuerySet[Any] = QuerySet(AuditEntry)
        return entries.filter(actor_id=actor_id).update(actor=pseudonym_of(actor_id), actor_salt="")


@contextmanager
def _triggers_off() -> Iterator[None]:
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("the triggers are off in a transaction only")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            off = [f"ALTER TABLE {TABLE} DISABLE TRIGGER audit_refuse_update_or_delete"]
            on = [f"ALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER audit_refuse_update_or_delete"]
        else:
            cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = 'audit_refuse_update'")
            off, on = ["DROP TRIGGER audit_refuse_update"], [row[0] for row in cursor.fetchall()]
        for statement in off:
            cursor.execute(statement)
        yield
        for statement in on:
            cursor.execute(statement)


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
        cursor.execute(_IS_OWNER, [name, name, TABLE])
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
