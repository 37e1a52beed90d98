"""The database itself refuses to change, delete or empty the audit trail."""

from django.db import migrations

POSTGRESQL = """
CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit entries are append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_refuse_update_or_delete BEFORE UPDATE OR DELETE ON audit_auditentry
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER audit_refuse_truncate BEFORE TRUNCATE ON audit_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
-- ALWAYS: otherwise a session with session_replication_role = replica passes them by.
ALTER TABLE audit_auditentry ENABLE ALWAYS TRIGGER audit_refuse_update_or_delete;
ALTER TABLE audit_auditentry ENABLE ALWAYS TRIGGER audit_refuse_truncate;
"""
POSTGRESQL_REVERSE = """
DROP TRIGGER audit_refuse_update_or_delete ON audit_auditentry;
DROP TRIGGER audit_refuse_truncate ON audit_auditentry;
DROP FUNCTION audit_refuse_change();
"""
SQLITE = [
    f"""CREATE TRIGGER audit_refuse_{what.lower()} BEFORE {what} ON audit_auditentry
    BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END"""
    for what in ("UPDATE", "DELETE")
]
SQLITE_REVERSE = ["DROP TRIGGER audit_refuse_update", "DROP TRIGGER audit_refuse_delete"]


def install(apps, schema_editor):
    for statement in [POSTGRESQL] if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement, params=None)


def remove(apps, schema_editor):
    for statement in [POSTGRESQL_REVERSE] if schema_editor.connection.vendor == "postgresql" else SQLITE_REVERSE:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [migrations.RunPython(install, remove)]
