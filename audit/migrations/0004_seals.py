"""Marks of the writer, and seals; the database refuses to change or empty these tables as well."""

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models

from audit.proofs import sign
from qhse.uuid7 import uuid7

refuse_changes = import_module("audit.migrations.0002_refuse_changes")
TABLES = ("audit_auditseal", "audit_sealedentry")
CHUNK = 1_000

POSTGRESQL = """
CREATE TRIGGER {table}_refuse_update_or_delete BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER {table}_refuse_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_refuse_update_or_delete;
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_refuse_truncate;
"""
SQLITE = """CREATE TRIGGER {table}_refuse_{what} BEFORE {what} ON {table}
BEGIN SELECT RAISE(ABORT, 'audit entries and seals are append-only'); END"""


def switch_off(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE audit_auditentry DISABLE TRIGGER USER")
    else:
        for what in ("update", "delete"):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS audit_refuse_{what}")


def switch_on(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for trigger in ("audit_refuse_update_or_delete", "audit_refuse_truncate"):
            schema_editor.execute(f"ALTER TABLE audit_auditentry ENABLE ALWAYS TRIGGER {trigger}")
    else:
        refuse_changes.install(apps, schema_editor)


def mark_entries(apps, schema_editor):
    """Mark what is there as ours: until now nothing else told it from what others put in."""
    model = apps.get_model("audit", "AuditEntry")
    entries = []
    for entry in model.objects.order_by("pk").iterator(CHUNK):
        entry.uid = uuid7()
        sign(entry)
        entries.append(entry)
        if len(entries) == CHUNK:
            model.objects.bulk_update(entries, ["uid", "actor_salt", "actor_digest", "mark"])
            entries = []
    model.objects.bulk_update(entries, ["uid", "actor_salt", "actor_digest", "mark"])


def protect(apps, schema_editor):
    for table in TABLES:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(POSTGRESQL.format(table=table), params=None)
        else:
            for what in ("update", "delete"):
                schema_editor.execute(SQLITE.format(table=table, what=what), params=None)


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_client_address")]

    operations = [
        migrations.RunPython(switch_off, switch_on),
        migrations.AddField("auditentry", "uid", models.UUIDField(editable=False, null=True)),
        *(
            migrations.AddField(
                "auditentry",
                name,
                models.CharField(blank=blank, default="", editable=False, max_length=length),
                preserve_default=False,
            )
            for name, length, blank in (("actor_salt", 32, True), ("actor_digest", 64, False), ("mark", 80, True))
        ),
        migrations.RunPython(mark_entries, migrations.RunPython.noop),
        migrations.AlterField("auditentry", "uid", models.UUIDField(default=uuid7, editable=False, unique=True)),
        migrations.RunPython(switch_on, switch_off),
        migrations.CreateModel(
            name="AuditSeal",
            fields=[
                ("number", models.PositiveIntegerField(primary_key=True, serialize=False)),
                ("previous_hash", models.CharField(max_length=64)),
                ("merkle_root", models.CharField(max_length=64)),
                ("entry_count", models.PositiveIntegerField()),
                ("total", models.PositiveBigIntegerField()),
                ("horizon", models.DateTimeField(null=True)),
                ("sealed_at", models.DateTimeField()),
                ("hash", models.CharField(max_length=64)),
                ("mark", models.CharField(editable=False, max_length=80)),
            ],
            options={"ordering": ("-number",), "default_permissions": ("view",)},
        ),
        migrations.CreateModel(
            name="SealedEntry",
            fields=[
                ("entry_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("position", models.PositiveIntegerField()),
                ("digest", models.BinaryField(max_length=32)),
                (
                    "seal",
                    models.ForeignKey(
                        db_index=False, db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="audit.auditseal"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("seal", "position"),
                        name="sealed_entry_has_its_place",
                        violation_error_message="Another entry has this place in the seal.",
                    )
                ],
            },
        ),
        migrations.RunPython(protect, migrations.RunPython.noop),
    ]
