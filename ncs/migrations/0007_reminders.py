"""What has been told of what is late."""

from django.conf import settings
from django.db import migrations, models
from django.db.models import F
from django.db.models.functions import Now


def leave_the_past(apps, schema_editor):
    """Of cases from before there were due dates and containments, nobody is told that they are late by now."""
    open_ones = apps.get_model("ncs", "NonConformity").objects.filter(status="OPEN")
    open_ones.update(containment_told=True)
    open_ones.filter(due_on__lt=Now()).update(overdue_told=F("due_on"))


class Migration(migrations.Migration):

    dependencies = [
        ('ncs', '0006_the_case'),
        ('suppliers', '0005_nc_void'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='correctiveaction',
            name='overdue_told',
            field=models.DateField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='containment_told',
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='overdue_told',
            field=models.DateField(editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name='nonconformity',
            index=models.Index(condition=models.Q(('overdue_told__isnull', True), ('status', 'OPEN')), fields=['due_on', 'id'], name='nc_untold_by_due'),
        ),
        migrations.AddIndex(
            model_name='nonconformity',
            index=models.Index(condition=models.Q(('containment', ''), ('containment_told', False), ('status', 'OPEN')), fields=['severity', 'created_at'], name='nc_not_contained'),
        ),
        migrations.RunPython(leave_the_past, migrations.RunPython.noop),
    ]
