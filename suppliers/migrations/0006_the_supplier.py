"""Suppliers have facts and a status; certificates, volumes and the history of risk are records."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('suppliers', '0005_nc_void'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Certificate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('standard', models.CharField(choices=[('iso_9001', 'ISO 9001'), ('iso_14001', 'ISO 14001'), ('iso_45001', 'ISO 45001'), ('iatf_16949', 'IATF 16949'), ('iso_13485', 'ISO 13485'), ('as_9100', 'AS 9100'), ('iso_27001', 'ISO/IEC 27001'), ('other', 'Other')], max_length=20)),
                ('edition', models.CharField(blank=True, db_default='', default='', max_length=10)),
                ('number', models.CharField(max_length=100)),
                ('issuer', models.CharField(max_length=150)),
                ('accreditation_body', models.CharField(blank=True, db_default='', default='', max_length=150)),
                ('scope', models.TextField(blank=True, db_default='', default='', max_length=2000)),
                ('sites', models.TextField(blank=True, db_default='', default='', max_length=2000)),
                ('valid_from', models.DateField()),
                ('valid_to', models.DateField()),
                ('last_surveillance_on', models.DateField(blank=True, null=True)),
                ('status', models.CharField(choices=[('submitted', 'Submitted'), ('verified', 'Verified'), ('rejected', 'Rejected'), ('withdrawn', 'Withdrawn'), ('superseded', 'Superseded')], default='submitted', editable=False, max_length=20)),
                ('submitted_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('verified_at', models.DateTimeField(editable=False, null=True)),
                ('verify_method', models.CharField(blank=True, choices=[('register', 'Public register'), ('issuer', "Issuer's site or answer"), ('document', 'Document only')], db_default='', default='', editable=False, max_length=20)),
                ('verify_ref', models.CharField(blank=True, db_default='', default='', editable=False, max_length=200)),
                ('decided_at', models.DateTimeField(editable=False, null=True)),
                ('status_reason', models.TextField(blank=True, db_default='', default='', editable=False, max_length=2000)),
                ('expiry_told', models.SmallIntegerField(editable=False, null=True)),
                ('version', models.PositiveIntegerField(db_default=1, default=1, editable=False)),
            ],
            options={
                'ordering': ('-id',),
                'default_permissions': ('view', 'add', 'change'),
            },
        ),
        migrations.CreateModel(
            name='RiskAssessment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('assessed_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('day', models.DateField()),
                ('score', models.PositiveSmallIntegerField()),
                ('level', models.CharField(choices=[('low', 'Low'), ('medium', 'Medium'), ('high', 'High'), ('critical', 'Critical')], max_length=10)),
                ('is_at_risk', models.BooleanField()),
                ('lines', models.JSONField(default=list)),
                ('rule_version', models.PositiveSmallIntegerField()),
                ('confidence', models.CharField(choices=[('low', 'Low'), ('full', 'Full')], max_length=10)),
                ('cause', models.CharField(max_length=64)),
                ('override_level', models.CharField(blank=True, choices=[('low', 'Low'), ('medium', 'Medium'), ('high', 'High'), ('critical', 'Critical')], default='', max_length=10)),
                ('override_reason', models.TextField(blank=True, default='', max_length=2000)),
                ('override_until', models.DateField(null=True)),
            ],
            options={
                'verbose_name': 'risk assessment',
                'ordering': ('-id',),
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='SupplierVolume',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('month', models.DateField()),
                ('received_qty', models.PositiveBigIntegerField()),
                ('defective_qty', models.PositiveBigIntegerField()),
                ('received_lots', models.PositiveIntegerField(default=0)),
                ('rejected_lots', models.PositiveIntegerField(default=0)),
                ('late_lots', models.PositiveIntegerField(default=0)),
                ('source', models.CharField(blank=True, default='', max_length=60)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('version', models.PositiveIntegerField(db_default=1, default=1, editable=False)),
            ],
            options={
                'ordering': ('supplier', '-month'),
                'default_permissions': ('view', 'add', 'change'),
            },
        ),
        migrations.AddField(
            model_name='supplier',
            name='category',
            field=models.CharField(blank=True, choices=[('material', 'Material'), ('component', 'Component'), ('service', 'Service'), ('logistics', 'Logistics'), ('outsourced_process', 'Outsourced process')], db_default='', default='', max_length=20),
        ),
        migrations.AddField(
            model_name='supplier',
            name='cert_ends_on',
            field=models.DateField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='supplier',
            name='cert_missing',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name='supplier',
            name='cert_unverified',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name='supplier',
            name='cert_proven_until',
            field=models.DateField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='supplier',
            name='contact_email',
            field=models.CharField(blank=True, db_default='', default='', max_length=254),
        ),
        migrations.AddField(
            model_name='supplier',
            name='contact_name',
            field=models.CharField(blank=True, db_default='', default='', max_length=150),
        ),
        migrations.AddField(
            model_name='supplier',
            name='country',
            field=models.CharField(blank=True, db_default='', default='', max_length=2),
        ),
        migrations.AddField(
            model_name='supplier',
            name='criticality',
            field=models.CharField(choices=[('A', 'A: the line stops'), ('B', 'B: it can be bridged'), ('C', 'C: others deliver the same')], db_default='B', default='B', max_length=1),
        ),
        migrations.AddField(
            model_name='supplier',
            name='external_ref',
            field=models.CharField(blank=True, db_default='', default='', max_length=60),
        ),
        migrations.AddField(
            model_name='supplier',
            name='merged_into',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='merged', to='suppliers.supplier'),
        ),
        migrations.AddField(
            model_name='supplier',
            name='next_review_on',
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='supplier',
            name='override_by',
            field=models.ForeignKey(db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='supplier',
            name='override_level',
            field=models.CharField(blank=True, choices=[('low', 'Low'), ('medium', 'Medium'), ('high', 'High'), ('critical', 'Critical')], db_default='', default='', editable=False, max_length=10),
        ),
        migrations.AddField(
            model_name='supplier',
            name='override_reason',
            field=models.TextField(blank=True, db_default='', default='', editable=False, max_length=2000),
        ),
        migrations.AddField(
            model_name='supplier',
            name='override_until',
            field=models.DateField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='supplier',
            name='required_standards',
            field=models.JSONField(blank=True, db_default=models.Value([], output_field=models.JSONField()), default=list),
        ),
        migrations.AddField(
            model_name='supplier',
            name='risk_at_risk',
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddField(
            model_name='supplier',
            name='risk_rule_version',
            field=models.PositiveSmallIntegerField(db_default=1, default=1, editable=False),
        ),
        migrations.AddField(
            model_name='supplier',
            name='risk_confidence',
            field=models.CharField(choices=[('low', 'Low'), ('full', 'Full')], db_default='low', default='low', editable=False, max_length=10),
        ),
        migrations.AddField(
            model_name='supplier',
            name='status',
            field=models.CharField(choices=[('pending', 'Pending'), ('approved', 'Approved'), ('conditional', 'Approved with conditions'), ('suspended', 'Suspended'), ('rejected', 'Rejected'), ('disqualified', 'Disqualified')], db_default='pending', default='pending', editable=False, max_length=20),
        ),
        migrations.AddField(
            model_name='supplier',
            name='status_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='supplier',
            name='status_by',
            field=models.ForeignKey(db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='supplier',
            name='status_reason',
            field=models.TextField(blank=True, db_default='', default='', editable=False, max_length=2000),
        ),
        migrations.AddConstraint(
            model_name='supplier',
            constraint=models.UniqueConstraint(condition=models.Q(('external_ref', ''), _negated=True), fields=('external_ref',), name='supplier_external_ref_is_unique', violation_error_message='Another supplier has this external reference.'),
        ),
        migrations.AddConstraint(
            model_name='supplier',
            constraint=models.CheckConstraint(condition=models.Q(('category', ''), ('category__in', ['material', 'component', 'service', 'logistics', 'outsourced_process']), _connector='OR'), name='supplier_category_is_known', violation_error_message='The category is not a known one.'),
        ),
        migrations.AddConstraint(
            model_name='supplier',
            constraint=models.CheckConstraint(condition=models.Q(('criticality__in', ['A', 'B', 'C'])), name='supplier_criticality_is_known', violation_error_message='The criticality is not one of A, B, C.'),
        ),
        migrations.AddConstraint(
            model_name='supplier',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['pending', 'approved', 'conditional', 'suspended', 'rejected', 'disqualified'])), name='supplier_status_is_known', violation_error_message='The status is not a known one.'),
        ),
        migrations.AddConstraint(
            model_name='supplier',
            constraint=models.CheckConstraint(condition=models.Q(('status', 'pending'), models.Q(('status_at__isnull', False), ('status_by__isnull', False), models.Q(('status_reason', ''), _negated=True)), _connector='OR'), name='supplier_status_has_time_person_and_reason', violation_error_message='A status that was decided has time, person and reason.'),
        ),
        migrations.AddConstraint(
            model_name='supplier',
            constraint=models.CheckConstraint(condition=models.Q(('merged_into__isnull', True), models.Q(('merged_into', models.F('id')), _negated=True), _connector='OR'), name='supplier_is_not_merged_into_itself', violation_error_message='A supplier is not merged into itself.'),
        ),
        migrations.AddConstraint(
            model_name='supplier',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('override_by', None), ('override_level', ''), ('override_reason', ''), ('override_until', None)), models.Q(('override_by__isnull', False), ('override_level__in', ['low', 'medium', 'high', 'critical']), ('override_until__isnull', False), models.Q(('override_reason', ''), _negated=True)), _connector='OR'), name='supplier_override_has_all_or_nothing', violation_error_message='An override has level, reason, end and person.'),
        ),
        migrations.AddField(
            model_name='certificate',
            name='decided_by',
            field=models.ForeignKey(db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='certificate',
            name='submitted_by',
            field=models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='certificate',
            name='supersedes',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='superseded_by', to='suppliers.certificate'),
        ),
        migrations.AddField(
            model_name='certificate',
            name='supplier',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='certificates', to='suppliers.supplier'),
        ),
        migrations.AddField(
            model_name='certificate',
            name='verified_by',
            field=models.ForeignKey(db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='riskassessment',
            name='override_by',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='riskassessment',
            name='supplier',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='assessments', to='suppliers.supplier'),
        ),
        migrations.AddField(
            model_name='suppliervolume',
            name='supplier',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='volumes', to='suppliers.supplier'),
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(fields=['supplier', 'standard', 'valid_to'], name='certificate_by_supplier'),
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(condition=models.Q(('status__in', ['submitted', 'verified'])), fields=['valid_to', 'id'], name='certificate_by_end'),
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(condition=models.Q(('status', 'submitted')), fields=['id'], name='certificate_to_verify'),
        ),
        migrations.AddConstraint(
            model_name='certificate',
            constraint=models.CheckConstraint(condition=models.Q(('standard__in', ['iso_9001', 'iso_14001', 'iso_45001', 'iatf_16949', 'iso_13485', 'as_9100', 'iso_27001', 'other'])), name='certificate_standard_is_known', violation_error_message='The standard is not a known one.'),
        ),
        migrations.AddConstraint(
            model_name='certificate',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['submitted', 'verified', 'rejected', 'withdrawn', 'superseded'])), name='certificate_status_is_known', violation_error_message='The status of the certificate is not a known one.'),
        ),
        migrations.AddConstraint(
            model_name='certificate',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('number', ''), _negated=True), models.Q(('issuer', ''), _negated=True)), name='certificate_has_number_and_issuer', violation_error_message='A certificate needs a number and an issuer.'),
        ),
        migrations.AddConstraint(
            model_name='certificate',
            constraint=models.CheckConstraint(condition=models.Q(('valid_to__gt', models.F('valid_from'))), name='certificate_ends_after_it_begins', violation_error_message='The last day of a certificate is after its first.'),
        ),
        migrations.AddConstraint(
            model_name='certificate',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'rejected'), _negated=True), fields=('supplier', 'standard', 'number', 'valid_from'), name='certificate_is_handed_in_once', violation_error_message='This certificate of the supplier is recorded already.'),
        ),
        migrations.AddConstraint(
            model_name='certificate',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status__in', ['verified', 'withdrawn', 'superseded']), ('verified_at__isnull', False), ('verified_by__isnull', False), ('verify_method__in', ['register', 'issuer', 'document'])), models.Q(('verified_at__isnull', True), ('verified_by__isnull', True), ('verify_method', ''), ('verify_ref', '')), _connector='OR'), name='certificate_verified_has_time_person_and_method', violation_error_message='A verified certificate has time, person and method of that; others have not.'),
        ),
        migrations.AddConstraint(
            model_name='certificate',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'verified'), _negated=True), ('verified_by__isnull', False), _connector='OR'), name='certificate_verified_by_somebody', violation_error_message='Somebody verified a verified certificate.'),
        ),
        migrations.AddConstraint(
            model_name='certificate',
            constraint=models.CheckConstraint(condition=models.Q(('verified_by__isnull', True), models.Q(('verified_by', models.F('submitted_by')), _negated=True), _connector='OR'), name='certificate_verified_by_another', violation_error_message='Who submitted a certificate does not verify it.'),
        ),
        migrations.AddConstraint(
            model_name='certificate',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['submitted', 'verified', 'superseded']), models.Q(('decided_at__isnull', False), ('decided_by__isnull', False), models.Q(('status_reason', ''), _negated=True)), _connector='OR'), name='certificate_decision_has_time_person_and_reason', violation_error_message='A rejected or withdrawn certificate has time, person and reason of that.'),
        ),
        migrations.AddIndex(
            model_name='riskassessment',
            index=models.Index(fields=['supplier', '-id'], name='assessment_by_supplier'),
        ),
        migrations.AddIndex(
            model_name='riskassessment',
            index=models.Index(fields=['day', 'supplier'], name='assessment_by_day'),
        ),
        migrations.AddConstraint(
            model_name='riskassessment',
            constraint=models.CheckConstraint(condition=models.Q(('score__lte', 100), ('level__in', ['low', 'medium', 'high', 'critical']), ('confidence__in', ['low', 'full'])), name='assessment_is_of_the_rule', violation_error_message='A score is from 0 to 100, level and confidence are known ones.'),
        ),
        migrations.AddIndex(
            model_name='suppliervolume',
            index=models.Index(fields=['month', 'supplier'], name='volume_by_month'),
        ),
        migrations.AddConstraint(
            model_name='suppliervolume',
            constraint=models.UniqueConstraint(fields=('supplier', 'month'), name='volume_is_one_a_month', violation_error_message='The supplier has figures for this month already.'),
        ),
        migrations.AddConstraint(
            model_name='suppliervolume',
            constraint=models.CheckConstraint(condition=models.Q(('month__day', 1)), name='volume_month_is_its_first_day', violation_error_message='A month is named by its first day.'),
        ),
        migrations.AddConstraint(
            model_name='suppliervolume',
            constraint=models.CheckConstraint(condition=models.Q(('defective_qty__lte', models.F('received_qty'))), name='volume_defective_of_received', violation_error_message='More pieces are defective than were received.'),
        ),
        migrations.AddConstraint(
            model_name='suppliervolume',
            constraint=models.CheckConstraint(condition=models.Q(('rejected_lots__lte', models.F('received_lots')), ('late_lots__lte', models.F('received_lots'))), name='volume_lots_of_received', violation_error_message='More lots were rejected or late than were received.'),
        ),
    ]
