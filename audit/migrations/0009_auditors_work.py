"""Stamps of reviews, which the database refuses to change, and verifications of the whole trail by the workers."""

from importlib import import_module

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import Now

seals = import_module("audit.migrations.0004_seals")
TABLE = "audit_reviewstamp"
REPLACEMENT = f"""CREATE TRIGGER {TABLE}_refuse_replacement BEFORE INSERT ON {TABLE}
WHEN EXISTS (SELECT 1 FROM {TABLE} WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'audit entries and seals are append-only'); END"""


def protect(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(seals.POSTGRESQL.format(table=TABLE), params=None)
        return
    for what in ("update", "delete"):
        schema_editor.execute(seals.SQLITE.format(table=TABLE, what=what), params=None)
    schema_editor.execute(REPLACEMENT, params=None)


class Migration(migrations.Migration):
    dependencies = [("audit", "0008_counted_entries"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.CreateModel(
            name="ReviewStamp",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("seal", models.PositiveIntegerField()),
                ("seal_hash", models.CharField(max_length=64)),
                ("note", models.TextField(max_length=2000)),
                ("reviewed_at", models.DateTimeField(db_default=Now(), editable=False)),
                (
                    "reviewed_by",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("-id",),
                "default_permissions": ("view",),
                "constraints": [
                    models.CheckConstraint(
                        condition=~Q(note=""), name="review_has_a_note", violation_error_message="A review needs a note."
                    )
                ],
            },
        ),
        migrations.RunPython(protect, migrations.RunPython.noop),
        migrations.CreateModel(
            name="TrailVerification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[("running", "Running"), ("done", "Finished"), ("stopped", "Given up")],
                        db_default="running", default="running", editable=False, max_length=10,
                    ),
                ),
                ("started_at", models.DateTimeField(db_default=Now(), editable=False)),
                ("finished_at", models.DateTimeField(editable=False, null=True)),
                ("seals_expected", models.PositiveIntegerField(default=0)),
                ("walk", models.JSONField(default=dict)),
                ("mark", models.CharField(blank=True, default="", editable=False, max_length=80)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                (
                    "started_by",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("-id",),
                "default_permissions": ("view",),
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(state__in=["running", "done", "stopped"]),
                        name="verification_state_is_known",
                        violation_error_message="The state is not one of running, done, stopped.",
                    ),
                    models.CheckConstraint(
                        condition=Q(state="running", finished_at__isnull=True)
                        | (~Q(state="running") & Q(finished_at__isnull=False)),
                        name="verification_ends_once",
                        violation_error_message="One that runs has no end, and any other has one.",
                    ),
                    models.UniqueConstraint(
                        condition=Q(state="running"), fields=("state",), name="verification_runs_alone",
                        violation_error_message="The trail is being verified already.",
                    ),
                ],
            },
        ),
    ]
