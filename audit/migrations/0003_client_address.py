"""Where a login or a refused request came from."""

from importlib import import_module

from django.db import migrations, models

refuse_changes = import_module("audit.migrations.0002_refuse_changes")


def install_again(apps, schema_editor):
    # SQLite adds a column by making the table anew, and its triggers go with the old one.
    if schema_editor.connection.vendor == "sqlite":
        refuse_changes.install(apps, schema_editor)


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_refuse_changes")]

    operations = [
        migrations.AddField("auditentry", "client_address", models.CharField(blank=True, max_length=45)),
        migrations.RunPython(install_again, migrations.RunPython.noop),
    ]
