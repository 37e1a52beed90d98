"""
The database notes movements from now on, and those of the rows that are there are made of what the rows say.

On PostgreSQL the triggers come first: they wait for writers and keep others out until all is stored, so that no write
falls between the two. A million cases took five minutes on a busy machine.
"""

from django.db import migrations

from kpi.movements import former, triggers
from kpi.movements.backfill import backfill, begin
from kpi.movements.states import dialect_of


def install(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    if vendor == "postgresql":  # on SQLite `kpi.apps` does so after each run of migrations
        for statement in (*triggers.on_postgresql(former.NOTED), *triggers.guard_postgresql()):
            schema_editor.execute(statement, params=None)
    dialect = dialect_of(vendor)
    for statement in (*backfill(dialect, former.supplier_state(dialect)), begin(dialect)):
        schema_editor.execute(statement, params=None)


def remove(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    on_postgresql = (*triggers.off_postgresql(former.NOTED), *triggers.unguard_postgresql())
    for statement in on_postgresql if vendor == "postgresql" else triggers.off_sqlite():
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("kpi", "0001_movements_and_sums"),
        ("ncs", "0007_reminders"),
        ("suppliers", "0006_the_supplier"),
    ]

    operations = [migrations.RunPython(install, remove)]
