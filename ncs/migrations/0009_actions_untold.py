"""A look for late actions reads none of which has been told already."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ncs', '0008_lists_by_phase_and_owner'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name='correctiveaction',
            index=models.Index(condition=models.Q(('overdue_told__isnull', True), ('status__in', ['IN_PROGRESS', 'OPEN'])), fields=['due_on', 'id'], name='action_untold_by_due'),
        ),
    ]
