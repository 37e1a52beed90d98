"""
Suppliers count with the level that is shown, and with what their certificates prove on the day.

The second migration's triggers took the computed level, of suppliers that nobody has assessed too, and certificates that
had not begun. Where that makes another figure, it is noted today. Former days stay as they were told.

On PostgreSQL the new triggers come first, as in the second migration. On SQLite `kpi.apps` takes the old ones away before
migrations, and installs those that fit afterwards.
"""

from django.db import migrations, models

from kpi.movements import former, triggers
from kpi.movements.backfill import note_suppliers
from kpi.movements.states import dialect_of, supplier_state

PRESENT = (triggers.CERTIFICATE, triggers.SUPPLIER)


def install(apps, schema_editor):
    _change(schema_editor, former.OF_SUPPLIERS, PRESENT, supplier_state())


def install_former(apps, schema_editor):
    dialect = dialect_of(schema_editor.connection.vendor)
    # Columns that go away: an override that was noted is taken back, so that the computed level counts again.
    state = former.supplier_state(dialect) | {"override_level": "''", "override_until": "CAST(NULL AS date)"}
    _change(schema_editor, PRESENT, former.OF_SUPPLIERS, state)


def _change(schema_editor, old, new, state):
    vendor = schema_editor.connection.vendor
    if vendor == "postgresql":
        for statement in (*triggers.off_postgresql(old), *triggers.on_postgresql(new)):
            schema_editor.execute(statement, params=None)
    for statement in note_suppliers(dialect_of(vendor), state):
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("kpi", "0002_note_movements"),
        ("suppliers", "0006_the_supplier"),
    ]

    operations = [
        migrations.AddField(
            "suppliermovement", "override_level", models.CharField(db_default="", default="", max_length=10)
        ),
        migrations.AddField("suppliermovement", "override_until", models.DateField(null=True)),
        migrations.RunPython(install, install_former),
    ]
