"""NCs that were recorded by mistake are counted apart."""

from django.db import migrations, models
from django.db.models import F


def count_the_void(apps, schema_editor):
    """Before, a case that was closed as a mistake is a closed case like others."""
    apps.get_model("suppliers", "Supplier").objects.filter(nc_void__gt=0).update(nc_total=F("nc_total") + F("nc_void"))


class Migration(migrations.Migration):

    dependencies = [
        ('suppliers', '0004_name_order'),
    ]

    operations = [
        migrations.AddField(
            model_name='supplier',
            name='nc_void',
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.RunPython(migrations.RunPython.noop, count_the_void),
    ]
