"""The records of answers belong to the API and to the pages. The table stays where it is, with what is in it."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('api', '0002_count_refusals'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[
            migrations.CreateModel(
                name='IdempotencyRecord',
                fields=[
                    ('id', models.CharField(max_length=64, primary_key=True, serialize=False)),
                    ('fingerprint', models.CharField(max_length=64)),
                    ('status', models.PositiveSmallIntegerField()),
                    ('body', models.TextField()),
                    ('etag', models.CharField(blank=True, max_length=64)),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                    ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'db_table': 'api_idempotencyrecord',
                    'default_permissions': (),
                    'indexes': [models.Index(fields=['created_at'], name='idempotency_record_by_age')],
                },
            ),
        ]),
    ]
