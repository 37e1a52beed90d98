"""What version 1 of the rule concluded becomes the beginning of the history, which the database keeps as it is written."""

from django.db import migrations

# Without the floor, version 1 gave 50 points only to suppliers that were at risk.
FIRST = """
INSERT INTO suppliers_riskassessment (
    supplier_id, assessed_at, day, score, level, is_at_risk, lines, rule_version, confidence, cause, override_level,
    override_reason
)
SELECT id, risk_assessed_at, {day}, risk_score, risk_level, risk_score >= 50, risk_reasons, 1, 'low', 'version_1', '', ''
FROM suppliers_supplier WHERE risk_assessed_at IS NOT NULL ORDER BY id
"""
POSTGRESQL = """
CREATE FUNCTION supplier_refuse_other_past() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'assessments are append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER assessment_refuse_update_or_delete BEFORE UPDATE OR DELETE ON suppliers_riskassessment
    FOR EACH ROW EXECUTE FUNCTION supplier_refuse_other_past();
"""
POSTGRESQL_REVERSE = """
DROP TRIGGER assessment_refuse_update_or_delete ON suppliers_riskassessment;
DROP FUNCTION supplier_refuse_other_past();
"""
SQLITE = [
    f"""CREATE TRIGGER assessment_refuse_{what.lower()} BEFORE {what} ON suppliers_riskassessment
    BEGIN SELECT RAISE(ABORT, 'assessments are append-only'); END"""
    for what in ("UPDATE", "DELETE")
]
SQLITE_REVERSE = ["DROP TRIGGER assessment_refuse_update", "DROP TRIGGER assessment_refuse_delete"]


def begin_history(apps, schema_editor):
    on_postgresql = schema_editor.connection.vendor == "postgresql"
    day = "(risk_assessed_at AT TIME ZONE 'UTC')::date" if on_postgresql else "date(risk_assessed_at)"
    schema_editor.execute(FIRST.format(day=day), params=None)
    schema_editor.execute("UPDATE suppliers_supplier SET risk_at_risk = true WHERE risk_score >= 50", params=None)


def install(apps, schema_editor):
    for statement in [POSTGRESQL] if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement, params=None)


def remove(apps, schema_editor):
    for statement in [POSTGRESQL_REVERSE] if schema_editor.connection.vendor == "postgresql" else SQLITE_REVERSE:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("suppliers", "0006_the_supplier")]

    operations = [
        migrations.RunPython(begin_history, migrations.RunPython.noop),
        migrations.RunPython(install, remove),
    ]
