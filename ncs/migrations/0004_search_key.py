"""The description as it is searched: in small letters, without accents."""

from django.db import migrations, models

from qhse.text import base_letters

AT_ONCE = 1000


def fill(apps, schema_editor):
    NonConformity = apps.get_model("ncs", "NonConformity")
    rows, last = NonConformity.objects.order_by("pk").only("pk", "description"), 0
    while batch := list(rows.filter(pk__gt=last)[:AT_ONCE]):
        for nc in batch:
            nc.search_key = base_letters(nc.description)
        NonConformity.objects.bulk_update(batch, ["search_key"])
        last = batch[-1].pk


class Migration(migrations.Migration):

    dependencies = [
        ('ncs', '0003_constraints_in_words'),
    ]

    operations = [
        migrations.AddField(
            model_name='nonconformity',
            name='search_key',
            field=models.TextField(db_default='', default='', editable=False),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
