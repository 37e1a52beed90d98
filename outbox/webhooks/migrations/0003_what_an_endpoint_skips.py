from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0002_note_events")]
    operations = [
        migrations.AddField("webhookendpoint", "skips_after", models.BigIntegerField(editable=False, null=True)),
        migrations.AddField("webhookendpoint", "skips_until", models.BigIntegerField(editable=False, null=True)),
        migrations.AddField("webhookendpoint", "former_types", models.JSONField(editable=False, null=True)),
        migrations.AddField("webhookendpoint", "types_after", models.BigIntegerField(editable=False, null=True)),
    ]
