from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0003_what_an_endpoint_skips")]
    operations = [
        # Null, so that SQLite adds a column. Else it makes the table anew, which a trigger names meanwhile.
        migrations.AddField(
            "webhookendpoint", "last_error", models.CharField(editable=False, max_length=300, null=True)
        ),
    ]
