"""Replaces the name of a person who has to be forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from audit.models import AuditEntry
from audit.proof.verify_export import pseudonym_of

_TRIGGER = "TRIGGER audit_refuse_update_or_delete"


def replace_actor_name(actor_id: int) -> int:
    """
    Replace a person's name by a pseudonym in all entries of theirs. Return in how many.

    The proof covers a salted digest of the name. The salt is deleted: without it the digest says nothing. Everything
    else is verified as before. Runs in the caller's transaction. Writers of entries wait until that ends (PostgreSQL: a
    SHARE ROW EXCLUSIVE lock). Raises DatabaseError for a role that does not own the table.
    """
    with _updates_allowed():
        entries: QuerySet[Any] = QuerySet(AuditEntry)
        return entries.filter(actor_id=actor_id).update(actor=pseudonym_of(actor_id), actor_salt="")


@contextmanager
def _updates_allowed() -> Iterator[None]:
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("the triggers are off in a transaction only")
    table = AuditEntry._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            off, on = f"ALTER TABLE {table} DISABLE {_TRIGGER}", f"ALTER TABLE {table} ENABLE ALWAYS {_TRIGGER}"
        else:
            off = "DROP TRIGGER audit_refuse_update"
            cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = 'audit_refuse_update'")
            on = cursor.fetchone()[0]
        cursor.execute(off)
        yield
        cursor.execute(on)
