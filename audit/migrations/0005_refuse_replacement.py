"""SQLite: REPLACE INTO deletes the row that stands in its way without its DELETE trigger; so refuse the insertion."""

from django.db import migrations

KEYS = {
    "audit_auditentry": "id = NEW.id OR uid = NEW.uid",
    "audit_auditseal": "number = NEW.number",
    "audit_sealedentry": "entry_id = NEW.entry_id OR (seal_id = NEW.seal_id AND position = NEW.position)",
}


def install(apps, schema_editor):
    if schema_editor.connection.vendor != "sqlite":
        return
    for table, same in KEYS.items():
        schema_editor.execute(
            f"""CREATE TRIGGER {table}_refuse_replacement BEFORE INSERT ON {table}
            WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})
            BEGIN SELECT RAISE(ABORT, 'audit entries and seals are append-only'); END""",
            params=None,
        )


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for table in KEYS:
            schema_editor.execute(f"DROP TRIGGER {table}_refuse_replacement")


class Migration(migrations.Migration):
    dependencies = [("audit", "0004_seals")]

    operations = [migrations.RunPython(install, remove)]
