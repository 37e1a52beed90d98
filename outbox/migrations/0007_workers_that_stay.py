"""Workers that stay say since when, so that one of several can be missed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("outbox", "0006_dismissal_and_worker_seen")]

    operations = [
        migrations.AddField(model_name="workerseen", name="started_at", field=models.DateTimeField(null=True)),
    ]
