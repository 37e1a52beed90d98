"""What the database says when a rule of it is broken."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ncs', '0002_version'),
        ('suppliers', '0003_constraints_in_words'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterConstraint(
            model_name='nonconformity',
            name='nc_severity_is_known',
            constraint=models.CheckConstraint(condition=models.Q(('severity__in', ['low', 'medium', 'high'])), name='nc_severity_is_known', violation_error_message='The severity is not one of low, medium, high.'),
        ),
        migrations.AlterConstraint(
            model_name='nonconformity',
            name='nc_has_a_description',
            constraint=models.CheckConstraint(condition=models.Q(('description', ''), _negated=True), name='nc_has_a_description', violation_error_message='A non-conformity needs a description.'),
        ),
        migrations.AlterConstraint(
            model_name='nonconformity',
            name='nc_closed_has_time_and_person',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', True), ('closed_by__isnull', True), ('status', 'OPEN')), models.Q(('closed_at__isnull', False), ('closed_by__isnull', False), ('status', 'CLOSED')), _connector='OR'), name='nc_closed_has_time_and_person', violation_error_message='A closed one has time and person of its closing; an open one has neither.'),
        ),
    ]
