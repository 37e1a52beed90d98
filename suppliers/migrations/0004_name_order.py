"""The text by which lists of suppliers are ordered: Ä beside A, the same in every database."""

from django.db import migrations, models

import qhse.ordering
from qhse.ordering import dictionary_order

AT_ONCE = 1000


def fill(apps, schema_editor):
    Supplier = apps.get_model("suppliers", "Supplier")
    rows = Supplier.objects.order_by("pk")
    last = 0
    while batch := list(rows.filter(pk__gt=last)[:AT_ONCE]):
        for supplier in batch:
            supplier.name_order = dictionary_order(supplier.name)
        Supplier.objects.bulk_update(batch, ["name_order"])
        last = batch[-1].pk


class Migration(migrations.Migration):

    dependencies = [
        ('suppliers', '0003_constraints_in_words'),
    ]

    operations = [
        migrations.AddField(
            model_name='supplier',
            name='name_order',
            field=qhse.ordering.DictionaryOrderField(db_default='', default='', editable=False, max_length=400, of='name'),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name='supplier',
            index=models.Index(fields=['name_order', 'id'], name='supplier_by_name'),
        ),
    ]
