"""Lists by phase, and of what a person owns, read no case that they do not show."""

import ncs.models.nonconformity
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ncs', '0007_reminders'),
        ('suppliers', '0005_nc_void'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name='nonconformity',
            index=models.Index(condition=models.Q(('owner__isnull', False), ('status', 'OPEN')), fields=['owner', 'due_on', 'id'], name='nc_open_by_owner'),
        ),
        migrations.AddIndex(
            model_name='nonconformity',
            index=models.Index(ncs.models.nonconformity.PhaseOf(), models.OrderBy(models.F('id'), descending=True), models.F('category'), condition=models.Q(('status', 'OPEN')), name='nc_open_by_phase'),
        ),
    ]
