"""User names are validated by our own rules, and no more by those of Django. The column is as it was."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0006_user_version'),
    ]

    operations = [
        migrations.AlterField(
            model_name='user',
            name='username',
            field=models.CharField(help_text='Letters, digits, single spaces and . @ + - _', max_length=150, unique=True),
        ),
    ]
