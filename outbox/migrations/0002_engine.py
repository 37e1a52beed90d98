"""What the engine needs: an index for claims that take types in turn, the record of what is in hand, notifications."""

import django.db.models.functions.datetime
from django.db import migrations, models

NOTIFY = """
CREATE FUNCTION outbox_wake_workers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('qhse_outbox', '');
    RETURN NULL;
END $$;
CREATE TRIGGER outbox_wake_workers AFTER INSERT ON outbox_outboxevent
    FOR EACH STATEMENT EXECUTE FUNCTION outbox_wake_workers();
"""
NOTIFY_REVERSE = """
DROP TRIGGER outbox_wake_workers ON outbox_outboxevent;
DROP FUNCTION outbox_wake_workers();
"""


def install(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(NOTIFY, params=None)


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(NOTIFY_REVERSE, params=None)


class Migration(migrations.Migration):
    dependencies = [("outbox", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="InHand",
            fields=[
                ("worker", models.CharField(max_length=200, primary_key=True, serialize=False)),
                ("events", models.JSONField()),
                ("alone", models.BooleanField()),
                ("started_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={"default_permissions": ()},
        ),
        migrations.RemoveIndex(model_name="outboxevent", name="outbox_pending"),
        migrations.AddIndex(
            model_name="outboxevent",
            index=models.Index(
                condition=models.Q(("status", "PENDING")),
                fields=["event_type", "next_attempt_at", "id"],
                name="outbox_pending",
            ),
        ),
        migrations.RunPython(install, remove),
    ]
