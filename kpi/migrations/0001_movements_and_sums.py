"""Movements of what is counted, and sums of them."""

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='SummedDay',
            fields=[
                ('day', models.DateField(primary_key=True, serialize=False)),
                ('summed_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ActionMovement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('n', models.SmallIntegerField(default=1)),
                ('supplier_id', models.BigIntegerField()),
                ('action_id', models.BigIntegerField()),
                ('is_running', models.BooleanField()),
                ('due_on', models.DateField()),
                ('done_on', models.DateField(null=True)),
                ('done_days', models.IntegerField(null=True)),
                ('verified_on', models.DateField(null=True)),
                ('is_effective', models.BooleanField(null=True)),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
                'indexes': [models.Index(fields=['day'], name='action_move_by_day'), models.Index(fields=['supplier_id', 'day'], name='action_move_by_supplier')],
            },
        ),
        migrations.CreateModel(
            name='CaseMovement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('n', models.SmallIntegerField(default=1)),
                ('supplier_id', models.BigIntegerField()),
                ('nc_id', models.BigIntegerField()),
                ('severity', models.SmallIntegerField()),
                ('category', models.CharField(max_length=20)),
                ('created_on', models.DateField()),
                ('due_on', models.DateField(null=True)),
                ('contained_on', models.DateField(null=True)),
                ('contained_hours', models.IntegerField(null=True)),
                ('closed_on', models.DateField(null=True)),
                ('closed_days', models.IntegerField(null=True)),
                ('is_repeat', models.BooleanField()),
                ('has_gaps', models.BooleanField()),
                ('was_reopened', models.BooleanField()),
                ('cost', models.BigIntegerField(null=True)),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
                'indexes': [models.Index(fields=['day'], name='case_move_by_day'), models.Index(fields=['supplier_id', 'day'], name='case_move_by_supplier')],
            },
        ),
        migrations.CreateModel(
            name='CertificateMovement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('n', models.SmallIntegerField(default=1)),
                ('supplier_id', models.BigIntegerField()),
                ('certificate_id', models.BigIntegerField()),
                ('standard', models.CharField(max_length=20)),
                ('edition', models.CharField(max_length=10)),
                ('is_verified', models.BooleanField()),
                ('valid_to', models.DateField()),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
                'indexes': [models.Index(fields=['day'], name='certificate_move_by_day'), models.Index(fields=['supplier_id', 'day'], name='certificate_move_by_supplier')],
            },
        ),
        migrations.CreateModel(
            name='DaySum',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('measure', models.SmallIntegerField()),
                ('of_day', models.DateField()),
                ('key', models.BigIntegerField()),
                ('word', models.CharField(max_length=40)),
                ('n', models.BigIntegerField()),
                ('is_late', models.BooleanField()),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(fields=['measure', 'day', 'of_day', 'key', 'word', 'n', 'is_late'], name='day_sum_by_measure'), models.Index(condition=models.Q(('is_late', True)), fields=['measure', 'of_day', 'day'], name='day_sum_late')],
            },
        ),
        migrations.CreateModel(
            name='FiguresBegin',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('day', models.DateField()),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='figures_begin_once', violation_error_message='There is one beginning.')],
            },
        ),
        migrations.CreateModel(
            name='LateCase',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('of_day', models.DateField()),
                ('supplier_id', models.BigIntegerField()),
                ('n', models.IntegerField()),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(fields=['of_day', 'day', 'supplier_id', 'n'], name='late_case_by_day')],
            },
        ),
        migrations.CreateModel(
            name='MonthSum',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('month', models.DateField()),
                ('measure', models.SmallIntegerField()),
                ('of_day', models.DateField()),
                ('key', models.BigIntegerField()),
                ('word', models.CharField(max_length=40)),
                ('n', models.BigIntegerField()),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(fields=['measure', 'month', 'of_day', 'key', 'word', 'n'], name='month_sum_by_measure')],
            },
        ),
        migrations.CreateModel(
            name='SupplierMovement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('n', models.SmallIntegerField(default=1)),
                ('supplier_id', models.BigIntegerField()),
                ('level', models.CharField(max_length=10)),
                ('criticality', models.CharField(max_length=1)),
                ('score', models.SmallIntegerField()),
                ('must_prove', models.BooleanField()),
                ('missing', models.SmallIntegerField()),
                ('proven_until', models.DateField(null=True)),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
                'indexes': [models.Index(fields=['day'], name='supplier_move_by_day'), models.Index(fields=['supplier_id', 'day'], name='supplier_move_by_supplier'), models.Index(fields=['supplier_id', '-id'], name='supplier_move_last'), models.Index(fields=['day', 'supplier_id', 'n', 'score'], name='supplier_move_scores')],
            },
        ),
        migrations.CreateModel(
            name='SupplierTally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('is_total', models.BooleanField()),
                ('counts', models.BinaryField()),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('day', 'is_total'), name='supplier_tally_once', violation_error_message='The cases of this day are counted already.')],
            },
        ),
        migrations.CreateModel(
            name='VolumeMovement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('n', models.SmallIntegerField(default=1)),
                ('supplier_id', models.BigIntegerField()),
                ('month', models.DateField()),
                ('received', models.BigIntegerField()),
                ('defective', models.BigIntegerField()),
                ('lots', models.IntegerField()),
                ('rejected_lots', models.IntegerField()),
                ('late_lots', models.IntegerField()),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
                'indexes': [models.Index(fields=['day'], name='volume_move_by_day'), models.Index(fields=['supplier_id', 'day'], name='volume_move_by_supplier')],
            },
        ),
    ]
