"""What the database says when a rule of it is broken."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_token_families_and_login_counters'),
    ]

    operations = [
        migrations.AlterConstraint(
            model_name='familiaraddress',
            name='familiar_address_is_unique',
            constraint=models.UniqueConstraint(fields=('user', 'address'), name='familiar_address_is_unique', violation_error_message='This address of this user is recorded already.'),
        ),
        migrations.AlterConstraint(
            model_name='user',
            name='user_role_is_known',
            constraint=models.CheckConstraint(condition=models.Q(('role__in', ['quality', 'procurement', 'auditor', 'admin'])), name='user_role_is_known', violation_error_message='The role is not one of quality, procurement, auditor, admin.'),
        ),
    ]
