"""What has to leave for a broker and other receivers."""

import django.db.models.expressions
from django.db import migrations, models


def settle_autovacuum(apps, schema_editor):
    """Rows come and go at the rate of events. By its defaults the table is vacuumed when a fifth of it is dead."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "ALTER TABLE outbox_outgoing SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, "
            "autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000)"
        )


class Migration(migrations.Migration):
    dependencies = [("outbox", "0007_workers_that_stay")]

    operations = [
        migrations.CreateModel(
            name='Outgoing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.CharField(max_length=40)),
                ('lane', models.PositiveSmallIntegerField()),
                ('key', models.BigIntegerField()),
                ('event', models.BigIntegerField()),
                ('replay', models.BigIntegerField(default=0)),
                ('state', models.PositiveSmallIntegerField(choices=[(0, 'due'), (1, 'waits for its next attempt'), (2, 'waits for an earlier event of its record'), (3, 'put aside')], default=0)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('next_attempt_at', models.DateTimeField(null=True)),
                ('last_error', models.TextField(blank=True, default='')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(models.F('channel'), models.F('lane'), django.db.models.expressions.CombinedExpression(models.F('id'), '+', models.Value(0)), condition=models.Q(('state', 0)), name='outbox_outgoing_fresh'), models.Index(condition=models.Q(('state', 1)), fields=['channel', 'lane', 'next_attempt_at'], name='outbox_outgoing_waiting'), models.Index(condition=models.Q(('state__in', (1, 2))), fields=['channel', 'key', 'id'], name='outbox_outgoing_held'), models.Index(condition=models.Q(('state', 3)), fields=['-id'], name='outbox_outgoing_aside')],
                'constraints': [models.UniqueConstraint(fields=('event', 'channel', 'replay'), name='outbox_outgoing_leaves_once', violation_error_message='The event is on its way by this channel already.'), models.CheckConstraint(condition=models.Q(models.Q(('next_attempt_at__isnull', False), ('state', 1)), models.Q(models.Q(('state', 1), _negated=True), ('next_attempt_at__isnull', True)), _connector='OR'), name='outbox_outgoing_waiting_has_its_time', violation_error_message='What waits has the time of its next attempt; nothing else has one.')],
            },
        ),
        migrations.RunPython(settle_autovacuum, migrations.RunPython.noop),
    ]
