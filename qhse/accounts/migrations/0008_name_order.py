"""The text by which lists of users are ordered: Ä beside A, the same in every database."""

from django.db import migrations

import qhse.ordering
from qhse.ordering import dictionary_order

AT_ONCE = 1000


def fill(apps, schema_editor):
    User = apps.get_model("accounts", "User")
    rows = User.objects.order_by("pk")
    last = 0
    while batch := list(rows.filter(pk__gt=last)[:AT_ONCE]):
        for user in batch:
            user.name_order = dictionary_order(user.username)
        User.objects.bulk_update(batch, ["name_order"])
        last = batch[-1].pk


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0007_state_rules_of_user_names'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='name_order',
            field=qhse.ordering.DictionaryOrderField(db_default='', default='', editable=False, max_length=400, of='username'),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AlterModelOptions(
            name='user',
            options={'ordering': ('name_order', 'username_key'), 'verbose_name': 'user', 'verbose_name_plural': 'users'},
        ),
    ]
