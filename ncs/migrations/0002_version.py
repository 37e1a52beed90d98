"""The version that an ETag names."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ncs', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='nonconformity',
            name='version',
            field=models.PositiveIntegerField(db_default=1, default=1, editable=False),
        ),
    ]
