"""Take away the trigger that notified workers within the writer's transaction. Publishers notify after the commit."""

from importlib import import_module

from django.db import migrations

engine = import_module("outbox.migrations.0002_engine")

# Code of before that still runs publishes without a notification until it is replaced. Workers find its events when they
# poll. Code of after that runs before this notifies twice. To drop a trigger takes a moment without writers: rather fail,
# and be run again, than let them queue behind a long transaction.
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '10s';"


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(LOCK_TIMEOUT + engine.NOTIFY_REVERSE, params=None)


def install(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(LOCK_TIMEOUT + engine.NOTIFY, params=None)


class Migration(migrations.Migration):
    dependencies = [("outbox", "0003_constraints_in_words")]

    operations = [migrations.RunPython(remove, install)]
