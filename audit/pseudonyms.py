"""Replaces the name of a person who has to be forgotten, as only the owner of the tables can."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from audit.models import AuditEntry
from audit.proof.verify_export import pseudonym_of

TABLE = AuditEntry._meta.db_table


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
