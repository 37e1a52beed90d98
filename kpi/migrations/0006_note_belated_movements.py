"""
The database tells movements apart whose day is summed already, and what such ones have added so far is put right.

On PostgreSQL each trigger comes in a transaction of its own, so that nobody waits for two tables: it waits for who has
noted a movement of its table. On SQLite `kpi.apps` installs them after migrations.

Each day is compared with its sums then, beside readers and writers. A million cases take about a minute.
"""

from django.db import migrations

from kpi.movements import triggers
from kpi.movements.mending import mend_summed_days


def install(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for statement in triggers.belated_postgresql():
            schema_editor.execute(statement, params=None)
    mend_summed_days(using=schema_editor.connection.alias)


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for statement in triggers.not_belated_postgresql():
            schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("kpi", "0005_belated_movements")]
    operations = [migrations.RunPython(install, remove)]
