from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("replica", "0001_heartbeat")]

    operations = [
        migrations.CreateModel(
            name="Beat",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("timeline", models.CharField(max_length=8)),
                ("at", models.DateTimeField()),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(fields=["timeline", "at"], name="replica_beat_newest")],
            },
        ),
        # The table stays: processes of the former version write and read it during an upgrade. A later one drops it.
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel(name="Heartbeat")]),
    ]
