"""
Fresh events are due by any clock, and an aggregate's head is found by an index that nothing else can stand in for.

Events that are pending keep their time. Older code sets the default too: it names the column's default.
"""

from datetime import UTC, datetime

from django.db import migrations, models
from django.db.models import F


# Older code would show an age of half a century.
BACK = """
UPDATE outbox_outboxevent SET next_attempt_at = created_at WHERE status = 'PENDING' AND next_attempt_at < '1971-01-01'
"""


class Migration(migrations.Migration):

    dependencies = [("outbox", "0004_notify_after_commit")]

    operations = [
        migrations.AlterField(
            model_name="outboxevent",
            name="next_attempt_at",
            field=models.DateTimeField(db_default=datetime(1970, 1, 1, tzinfo=UTC)),
        ),
        migrations.RunSQL(migrations.RunSQL.noop, BACK),
        migrations.RemoveIndex(model_name="outboxevent", name="outbox_pending_by_aggregate"),
        migrations.AddIndex(
            model_name="outboxevent",
            index=models.Index(
                "aggregate_id", "aggregate_type", F("id") + 0,
                condition=models.Q(("status", "PENDING")),
                name="outbox_pending_by_aggregate",
            ),
        ),
    ]
