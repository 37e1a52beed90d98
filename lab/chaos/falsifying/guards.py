"""Ways to weaken what guards the trail in the database."""

from __future__ import annotations

from django.db import connection

from lab.chaos.falsifying.tamperer import Culprit, Tamperer, way

THE_TRAIL: set[Culprit] = {("trail", 0)}


@way
def let_entries_vanish(by: Tamperer) -> set[Culprit]:
    """The database takes each entry without an error, and keeps none."""
    table = by.chance.choice(["audit_auditentry", "audit_auditseal", "audit_sealedentry"])
    if connection.vendor == "postgresql":
        by.leaves(
            "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
            f"CREATE TRIGGER swallow BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION swallow()",
        )
    else:
        by.leaves(f"CREATE TRIGGER swallow BEFORE INSERT ON {table} BEGIN SELECT RAISE(IGNORE); END")
    return THE_TRAIL


@way
def leave_a_trigger_off(by: Tamperer) -> set[Culprit]:
    if connection.vendor == "postgresql":
        state = by.chance.choice(["DISABLE", "ENABLE REPLICA", "ENABLE"])
        by.leaves(f"ALTER TABLE audit_auditentry {state} TRIGGER audit_refuse_update_or_delete")
    else:
        by.leaves("DROP TRIGGER audit_refuse_delete")
    return THE_TRAIL


@way
def let_a_trigger_refuse_nothing(by: Tamperer) -> set[Culprit]:
    if connection.vendor == "postgresql":
        body = "BEGIN RETURN COALESCE(NEW, OLD); END"
        by.leaves(f"CREATE OR REPLACE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS '{body}'")
    else:
        by.leaves(
            "DROP TRIGGER audit_refuse_delete",
            "CREATE TRIGGER audit_refuse_delete BEFORE DELETE ON audit_auditentry WHEN false "
            "BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END",
        )
    return THE_TRAIL
