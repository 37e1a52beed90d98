"""Nobody changes the audit trail: not through the ORM, not in SQL."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.transaction import TransactionManagementError

from audit.models import AuditEntry, AuditTrailIsAppendOnly
from audit.services import record


@pytest.fixture
def entry(db):
    return record(
        actor=None, action="GAUGE_CALIBRATED", entity_type="gauge", entity_id=7, changes={"due": ("2026-01", "2027-01")}
    )


def test_an_entry_needs_the_transaction_of_its_change(transactional_db):
    with pytest.raises(TransactionManagementError):
        record(actor=None, action="X", entity_type="gauge", entity_id=1, changes={})


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
