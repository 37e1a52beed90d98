"""What the database says when a rule of it is broken."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('outbox', '0002_engine'),
    ]

    operations = [
        migrations.AlterConstraint(
            model_name='outboxevent',
            name='outbox_event_status_is_known',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['PENDING', 'DONE', 'FAILED'])), name='outbox_event_status_is_known', violation_error_message='The status of an outbox event is not one of PENDING, DONE, FAILED.'),
        ),
        migrations.AlterConstraint(
            model_name='outboxevent',
            name='outbox_event_processed_has_its_time',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('processed_at__isnull', False), ('status', 'DONE')), models.Q(models.Q(('status', 'DONE'), _negated=True), ('processed_at__isnull', True)), _connector='OR'), name='outbox_event_processed_has_its_time', violation_error_message='A processed event has the time of its processing; no other event has one.'),
        ),
    ]
