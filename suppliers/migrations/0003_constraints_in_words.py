"""What the database says when a rule of it is broken."""

import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('suppliers', '0002_version'),
    ]

    operations = [
        migrations.AlterConstraint(
            model_name='supplier',
            name='supplier_name_is_unique',
            constraint=models.UniqueConstraint(fields=('name_key',), name='supplier_name_is_unique', violation_error_message='There is already a supplier of this name.'),
        ),
        migrations.AlterConstraint(
            model_name='supplier',
            name='supplier_has_a_name',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('name', ''), _negated=True), models.Q(('name_key', ''), _negated=True)), name='supplier_has_a_name', violation_error_message='A supplier needs a name.'),
        ),
        migrations.AlterConstraint(
            model_name='supplier',
            name='supplier_nc_counts_agree',
            constraint=models.CheckConstraint(condition=models.Q(('nc_open__lte', models.F('nc_total')), ('nc_open__gte', django.db.models.expressions.CombinedExpression(models.F('nc_open_high'), '+', models.F('nc_open_medium')))), name='supplier_nc_counts_agree', violation_error_message='The NC counts of the supplier do not agree with each other.'),
        ),
        migrations.AlterConstraint(
            model_name='supplier',
            name='supplier_risk_level_is_known',
            constraint=models.CheckConstraint(condition=models.Q(('risk_level__in', ['low', 'medium', 'high', 'critical'])), name='supplier_risk_level_is_known', violation_error_message='The risk level is not one of low, medium, high, critical.'),
        ),
        migrations.AlterConstraint(
            model_name='supplier',
            name='supplier_risk_score_is_0_to_100',
            constraint=models.CheckConstraint(condition=models.Q(('risk_score__lte', 100)), name='supplier_risk_score_is_0_to_100', violation_error_message='The risk score is not from 0 to 100.'),
        ),
    ]
