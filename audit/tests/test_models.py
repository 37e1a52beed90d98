"""Nobody changes the audit trail: not through the ORM, not in SQL."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from audit.models import AuditEntry, AuditTrailIsAppendOnly
from audit.proof.sealing import seal_new_entries
from audit.reviewing import stamp_review
from audit.services import record


@pytest.fixture
def entry(db):
    return record(
        actor=None, action="GAUGE_CALIBRATED", entity_type="gauge", entity_id=7, changes={"due": ("2026-01", "2027-01")}
    )


@pytest.mark.parametrize(
    "attempt",
    [
        lambda entry: entry.save(),
        lambda entry: entry.delete(),
        lambda entry: AuditEntry.objects.all().delete(),
        lambda entry: AuditEntry.objects.update(reason="nothing happened"),
    ],
    ids=["save", "delete", "bulk delete", "bulk update"],
)
def test_the_orm_refuses(entry, attempt):
    with pytest.raises(AuditTrailIsAppendOnly):
        attempt(entry)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_auditentry SET reason = 'nothing happened'", "DELETE FROM audit_auditentry"],
)
def test_the_database_refuses(entry, statement):
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert AuditEntry.objects.get().reason == ""


@pytest.mark.parametrize("table", ["audit_auditentry", "audit_auditseal", "audit_sealedentry", "audit_reviewstamp"])
@pytest.mark.parametrize("changes", [{}, {"key": 99}])
def test_sqlite_replaces_nothing(entry, users, table, changes):
    """Neither the row with this key nor one with another unique value; PostgreSQL has no such statement."""
    seal_new_entries()
    stamp_review(seal=1, note="No objection", actor=users["auditor"])
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        before = cursor.fetchall()
        names = [column[0] for column in cursor.description]
        row = list(before[0])
        if changes and table in ("audit_auditseal", "audit_reviewstamp"):
            return  # they have no other key
        row[0] = changes.get("key", row[0])
        places = ", ".join(["%s"] * len(row))
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            cursor.execute(f"REPLACE INTO {table} ({', '.join(names)}) VALUES ({places})", row)
        cursor.execute(f"SELECT * FROM {table}")
        assert cursor.fetchall() == before


@pytest.mark.postgres
@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE audit_auditentry",
        "TRUNCATE audit_auditentry CASCADE",
        "SET LOCAL session_replication_role = replica; DELETE FROM audit_auditentry",
        "SET LOCAL session_replication_role = replica; TRUNCATE audit_auditentry",
        "INSERT INTO audit_auditentry SELECT * FROM audit_auditentry ON CONFLICT (id) DO UPDATE SET reason = 'x'",
    ],
)
def test_postgresql_refuses_the_ways_around_a_row_trigger(entry, statement):
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert AuditEntry.objects.count() == 1
