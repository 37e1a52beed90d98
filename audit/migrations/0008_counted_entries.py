"""How many entries are dated before a moment, so that a list's number costs the same however long the trail is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0007_sealing_turn")]

    operations = [
        migrations.AddField("sealingturn", "counted", models.PositiveBigIntegerField(default=0, db_default=0)),
        migrations.AddField("sealingturn", "counted_until", models.DateTimeField(null=True)),
    ]
