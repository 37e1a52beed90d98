"""The records of answers are those of `qhse.repeats` now. The table stays where it is."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('api', '0002_count_refusals'),
        ('repeats', '0001_records_of_the_api'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel(name='IdempotencyRecord')]),
    ]
