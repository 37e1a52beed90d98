"""The case: what was found, what is done about it, and when it is due; actions on it."""

from datetime import UTC, timedelta

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models
from django.db.models import F
from django.db.models.functions import TruncDate


def give_due_dates(apps, schema_editor):
    """Open ones are due as if they were recorded now. Closed ones never were."""
    NonConformity = apps.get_model("ncs", "NonConformity")
    for severity, days in settings.NC_DUE_DAYS.items():
        due = TruncDate(F("created_at") + timedelta(days=days), tzinfo=UTC)
        NonConformity.objects.filter(status="OPEN", severity=severity).update(due_on=due)


class Migration(migrations.Migration):

    dependencies = [
        ('ncs', '0005_search_index'),
        ('suppliers', '0005_nc_void'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='CorrectiveAction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('containment', 'Containment'), ('correction', 'Correction'), ('corrective', 'Corrective action'), ('preventive', 'Preventive action')], max_length=20)),
                ('title', models.CharField(max_length=200)),
                ('status', models.CharField(choices=[('OPEN', 'Open'), ('IN_PROGRESS', 'In progress'), ('DONE', 'Done, not verified'), ('EFFECTIVE', 'Effective'), ('INEFFECTIVE', 'Not effective'), ('CANCELLED', 'Cancelled')], default='OPEN', max_length=20)),
                ('contact', models.CharField(blank=True, db_default='', default='', max_length=150)),
                ('due_on', models.DateField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('started_at', models.DateTimeField(editable=False, null=True)),
                ('done_at', models.DateTimeField(editable=False, null=True)),
                ('done_note', models.TextField(blank=True, db_default='', default='', max_length=2000)),
                ('verified_at', models.DateTimeField(editable=False, null=True)),
                ('verification_note', models.TextField(blank=True, db_default='', default='', max_length=2000)),
                ('version', models.PositiveIntegerField(db_default=1, default=1, editable=False)),
            ],
            options={
                'verbose_name': 'action',
                'ordering': ('-id',),
                'default_permissions': ('view', 'add', 'change'),
            },
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='actions_effective',
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='actions_open',
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='actions_to_verify',
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='analysed_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='analysed_by',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='category',
            field=models.CharField(blank=True, choices=[('dimension', 'Dimension or tolerance'), ('material', 'Material'), ('function', 'Function'), ('surface', 'Surface or appearance'), ('contamination', 'Contamination'), ('documentation', 'Documents or certificates'), ('labelling', 'Labelling'), ('packaging', 'Packaging'), ('delivery', 'Delivery: quantity or date'), ('other', 'Other')], db_default='', default='', max_length=20),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='cause_code',
            field=models.CharField(blank=True, choices=[('people', 'People'), ('method', 'Method'), ('machine', 'Machine or tool'), ('material', 'Material'), ('measurement', 'Measurement'), ('environment', 'Environment'), ('design', 'Design or specification'), ('transport', 'Transport or storage')], db_default='', default='', max_length=20),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='closure_code',
            field=models.CharField(blank=True, choices=[('corrected', 'Corrected'), ('concession', 'Accepted by concession'), ('duplicate', 'Recorded twice'), ('unfounded', 'Recorded by mistake')], db_default='', default='', max_length=20),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='closure_gaps',
            field=models.JSONField(db_default=models.Value([], models.JSONField()), default=list, editable=False),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='concession_by',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='contained_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='contained_by',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='containment',
            field=models.TextField(blank=True, db_default='', default='', max_length=2000),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='corrective_effective',
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='cost',
            field=models.DecimalField(blank=True, decimal_places=2, max_digits=12, null=True),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='customer_informed_on',
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='detected_at',
            field=models.CharField(blank=True, choices=[('incoming', 'Incoming inspection'), ('process', 'In process'), ('final', 'Final inspection'), ('customer', 'At the customer'), ('audit', 'Audit')], db_default='', default='', max_length=20, verbose_name='detected at'),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='detected_on',
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='disposed_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='disposed_by',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='disposition',
            field=models.CharField(blank=True, choices=[('rework', 'Rework'), ('sort', 'Sort'), ('return', 'Return to the supplier'), ('scrap', 'Scrap'), ('use_as_is', 'Use as is, by concession')], db_default='', default='', max_length=20),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='disposition_qty',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='disposition_reason',
            field=models.TextField(blank=True, db_default='', default='', max_length=2000),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='due_on',
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='lot_no',
            field=models.CharField(blank=True, db_default='', default='', max_length=64, verbose_name='lot number'),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='owner',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='part_no',
            field=models.CharField(blank=True, db_default='', default='', max_length=64, verbose_name='part number'),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='po_ref',
            field=models.CharField(blank=True, db_default='', default='', max_length=64, verbose_name='order number'),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='qty_defective',
            field=models.PositiveIntegerField(blank=True, null=True, verbose_name='pieces defective'),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='qty_received',
            field=models.PositiveIntegerField(blank=True, null=True, verbose_name='pieces received'),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='reopened_count',
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='repeat_of',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ncs.nonconformity'),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='root_cause',
            field=models.TextField(blank=True, db_default='', default='', max_length=5000),
        ),
        migrations.AddField(
            model_name='nonconformity',
            name='system',
            field=models.CharField(choices=[('quality', 'Quality'), ('environment', 'Environment'), ('safety', 'Safety')], db_default='quality', default='quality', max_length=20, verbose_name='management system'),
        ),
        migrations.AddIndex(
            model_name='nonconformity',
            index=models.Index(condition=models.Q(('category', ''), _negated=True), fields=['category', '-id'], name='nc_by_category'),
        ),
        migrations.AddIndex(
            model_name='nonconformity',
            index=models.Index(condition=models.Q(('part_no', ''), _negated=True), fields=['part_no', '-id'], name='nc_by_part'),
        ),
        migrations.AddIndex(
            model_name='nonconformity',
            index=models.Index(condition=models.Q(('category', ''), _negated=True), fields=['supplier', 'category', '-id'], name='nc_repeats'),
        ),
        migrations.AddIndex(
            model_name='nonconformity',
            index=models.Index(condition=models.Q(('owner__isnull', False)), fields=['owner', '-id'], name='nc_by_owner'),
        ),
        migrations.AddIndex(
            model_name='nonconformity',
            index=models.Index(condition=models.Q(('status', 'OPEN')), fields=['due_on', 'id'], name='nc_open_by_due'),
        ),
        migrations.AddConstraint(
            model_name='nonconformity',
            constraint=models.CheckConstraint(condition=models.Q(('system__in', ['quality', 'environment', 'safety'])), name='nc_system_is_known', violation_error_message='The system is not one of quality, environment, safety.'),
        ),
        migrations.AddConstraint(
            model_name='nonconformity',
            constraint=models.CheckConstraint(condition=models.Q(('category__in', ['', 'dimension', 'material', 'function', 'surface', 'contamination', 'documentation', 'labelling', 'packaging', 'delivery', 'other'])), name='nc_category_is_known', violation_error_message='The category is not a known one.'),
        ),
        migrations.AddConstraint(
            model_name='nonconformity',
            constraint=models.CheckConstraint(condition=models.Q(('detected_at__in', ['', 'incoming', 'process', 'final', 'customer', 'audit'])), name='nc_detected_at_is_known', violation_error_message='The place of detection is not a known one.'),
        ),
        migrations.AddConstraint(
            model_name='nonconformity',
            constraint=models.CheckConstraint(condition=models.Q(('cause_code__in', ['', 'people', 'method', 'machine', 'material', 'measurement', 'environment', 'design', 'transport'])), name='nc_cause_code_is_known', violation_error_message='The cause is not a known one.'),
        ),
        migrations.AddConstraint(
            model_name='nonconformity',
            constraint=models.CheckConstraint(condition=models.Q(('disposition__in', ['', 'rework', 'sort', 'return', 'scrap', 'use_as_is'])), name='nc_disposition_is_known', violation_error_message='The disposition is not a known one.'),
        ),
        migrations.AddConstraint(
            model_name='nonconformity',
            constraint=models.CheckConstraint(condition=models.Q(('closure_code__in', ['', 'corrected', 'concession', 'duplicate', 'unfounded'])), name='nc_closure_code_is_known', violation_error_message='The closure code is not a known one.'),
        ),
        migrations.AddConstraint(
            model_name='nonconformity',
            constraint=models.CheckConstraint(condition=models.Q(('qty_defective__isnull', True), ('qty_received__isnull', True), ('qty_defective__lte', models.F('qty_received')), _connector='OR'), name='nc_defective_of_received', violation_error_message='No more pieces can be defective than were received.'),
        ),
        migrations.AddConstraint(
            model_name='nonconformity',
            constraint=models.CheckConstraint(condition=models.Q(('cost__isnull', True), ('cost__gte', 0), _connector='OR'), name='nc_cost_is_not_negative', violation_error_message='A cost is not below zero.'),
        ),
        migrations.AddConstraint(
            model_name='nonconformity',
            constraint=models.CheckConstraint(condition=models.Q(('concession_by__isnull', True), models.Q(('disposition', 'use_as_is'), models.Q(('concession_by', models.F('reported_by')), _negated=True)), _connector='OR'), name='nc_concession_by_another', violation_error_message='A concession is for use as is, by somebody else than who reported the case.'),
        ),
        migrations.AddConstraint(
            model_name='nonconformity',
            constraint=models.CheckConstraint(condition=models.Q(('repeat_of__isnull', True), models.Q(('repeat_of', models.F('id')), _negated=True), _connector='OR'), name='nc_repeats_another', violation_error_message='A case does not repeat itself.'),
        ),
        migrations.AddField(
            model_name='correctiveaction',
            name='created_by',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='correctiveaction',
            name='done_by',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='correctiveaction',
            name='follow_up_of',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='follow_up', to='ncs.correctiveaction'),
        ),
        migrations.AddField(
            model_name='correctiveaction',
            name='nc',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='actions', to='ncs.nonconformity'),
        ),
        migrations.AddField(
            model_name='correctiveaction',
            name='owner',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='correctiveaction',
            name='verified_by',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name='correctiveaction',
            index=models.Index(condition=models.Q(('status__in', ['IN_PROGRESS', 'OPEN'])), fields=['owner', 'due_on'], name='action_running_by_owner'),
        ),
        migrations.AddIndex(
            model_name='correctiveaction',
            index=models.Index(condition=models.Q(('status__in', ['IN_PROGRESS', 'OPEN'])), fields=['due_on', 'id'], name='action_running_by_due'),
        ),
        migrations.AddIndex(
            model_name='correctiveaction',
            index=models.Index(condition=models.Q(('status', 'DONE')), fields=['id'], name='action_to_verify'),
        ),
        migrations.AddIndex(
            model_name='correctiveaction',
            index=models.Index(fields=['status', '-id'], name='action_by_status'),
        ),
        migrations.AddConstraint(
            model_name='correctiveaction',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['containment', 'correction', 'corrective', 'preventive'])), name='action_kind_is_known', violation_error_message='The kind of action is not a known one.'),
        ),
        migrations.AddConstraint(
            model_name='correctiveaction',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['OPEN', 'IN_PROGRESS', 'DONE', 'EFFECTIVE', 'INEFFECTIVE', 'CANCELLED'])), name='action_status_is_known', violation_error_message='The status of the action is not a known one.'),
        ),
        migrations.AddConstraint(
            model_name='correctiveaction',
            constraint=models.CheckConstraint(condition=models.Q(('title', ''), _negated=True), name='action_has_a_title', violation_error_message='An action needs a title.'),
        ),
        migrations.AddConstraint(
            model_name='correctiveaction',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('contact', ''), ('owner__isnull', False)), models.Q(('owner__isnull', True), models.Q(('contact', ''), _negated=True)), _connector='OR'), name='action_has_one_owner', violation_error_message='An action belongs to a user or to a contact of the supplier.'),
        ),
        migrations.AddConstraint(
            model_name='correctiveaction',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('done_at__isnull', False), ('done_by__isnull', False), ('status__in', ['DONE', 'EFFECTIVE', 'INEFFECTIVE'])), models.Q(models.Q(('status__in', ['DONE', 'EFFECTIVE', 'INEFFECTIVE']), _negated=True), ('done_at__isnull', True), ('done_by__isnull', True)), _connector='OR'), name='action_done_has_time_and_person', violation_error_message='A completed action has time and person of its completion; others have not.'),
        ),
        migrations.AddConstraint(
            model_name='correctiveaction',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status__in', ['EFFECTIVE', 'INEFFECTIVE']), ('verified_at__isnull', False), ('verified_by__isnull', False)), models.Q(models.Q(('status__in', ['EFFECTIVE', 'INEFFECTIVE']), _negated=True), ('verified_at__isnull', True), ('verified_by__isnull', True)), _connector='OR'), name='action_verified_has_time_and_person', violation_error_message='A verified action has time and person of its verification; others have not.'),
        ),
        migrations.AddConstraint(
            model_name='correctiveaction',
            constraint=models.CheckConstraint(condition=models.Q(('verified_by__isnull', True), models.Q(('verified_by', models.F('done_by')), _negated=True), _connector='OR'), name='action_verified_by_another', violation_error_message='Who completed an action does not verify it.'),
        ),
        migrations.RunPython(give_due_dates, migrations.RunPython.noop),
    ]
