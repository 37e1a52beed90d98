"""Dead events can be dismissed. Workers leave a sign that they live."""

import django.db.models.functions.datetime
from django.db import migrations, models
from django.db.models import Q

# The way back: a version that knows no dismissal has them dead again.
DEAD_AGAIN = "UPDATE outbox_outboxevent SET status = 'FAILED', dismissed_at = NULL WHERE status = 'DISMISSED'"


class Migration(migrations.Migration):
    dependencies = [("outbox", "0005_fresh_events_need_no_clock")]

    operations = [
        migrations.AddField(
            model_name="outboxevent", name="dismissed_at", field=models.DateTimeField(blank=True, null=True)
        ),
        migrations.AlterField(
            model_name="outboxevent",
            name="status",
            field=models.CharField(
                choices=[
                    ("PENDING", "Pending"), ("DONE", "Processed"), ("FAILED", "Dead"), ("DISMISSED", "Dismissed"),
                ],
                default="PENDING",
                max_length=10,
            ),
        ),
        migrations.RemoveConstraint(model_name="outboxevent", name="outbox_event_status_is_known"),
        migrations.AddConstraint(
            model_name="outboxevent",
            constraint=models.CheckConstraint(
                condition=Q(("status__in", ["PENDING", "DONE", "FAILED", "DISMISSED"])),
                name="outbox_event_status_is_known",
                violation_error_message=(
                    "The status of an outbox event is not one of PENDING, DONE, FAILED, DISMISSED."
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="outboxevent",
            constraint=models.CheckConstraint(
                condition=Q(
                    Q(("dismissed_at__isnull", False), ("status", "DISMISSED")),
                    Q(Q(("status", "DISMISSED"), _negated=True), ("dismissed_at__isnull", True)),
                    _connector="OR",
                ),
                name="outbox_event_dismissed_has_its_time",
                violation_error_message="A dismissed event has the time of its dismissal; no other event has one.",
            ),
        ),
        migrations.AddIndex(
            model_name="outboxevent",
            index=models.Index(condition=Q(("status", "DISMISSED")), fields=["-id"], name="outbox_dismissed"),
        ),
        migrations.CreateModel(
            name="WorkerSeen",
            fields=[
                ("worker", models.CharField(max_length=200, primary_key=True, serialize=False)),
                ("seen_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={"default_permissions": ()},
        ),
        migrations.RunSQL(migrations.RunSQL.noop, DEAD_AGAIN),
    ]
