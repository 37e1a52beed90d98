"""Pictures have previews."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('attachments', '0001_attachments'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='attachment',
            name='preview_as',
            field=models.CharField(editable=False, max_length=64, null=True),
        ),
        migrations.AddIndex(
            model_name='attachment',
            index=models.Index(condition=models.Q(('media_type__in', ['image/jpeg', 'image/png', 'image/webp']), ('voided_at__isnull', True), ('preview_as', None)), fields=['id'], name='attachment_without_preview'),
        ),
        migrations.AddIndex(
            model_name='attachment',
            index=models.Index(condition=models.Q(('preview_as__gt', '')), fields=['preview_as'], name='attachment_by_preview'),
        ),
    ]
