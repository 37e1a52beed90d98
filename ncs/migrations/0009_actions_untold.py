"""A look for late actions reads none of which has been told already. On PostgreSQL the index is made beside writers."""

from django.db import migrations, models

INDEX = models.Index(
    fields=["due_on", "id"],
    condition=models.Q(status__in=["IN_PROGRESS", "OPEN"], overdue_told__isnull=True),
    name="action_untold_by_due",
)


def make_index(apps, schema_editor):
    action = apps.get_model("ncs", "CorrectiveAction")
    if schema_editor.connection.vendor != "postgresql":
        schema_editor.add_index(action, INDEX)
        return
    # One that was interrupted leaves an index that is not valid.
    schema_editor.execute("DROP INDEX CONCURRENTLY IF EXISTS action_untold_by_due")
    schema_editor.add_index(action, INDEX, concurrently=True)


def drop_index(apps, schema_editor):
    schema_editor.execute("DROP INDEX IF EXISTS action_untold_by_due")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("ncs", "0008_lists_by_phase_and_owner")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(make_index, drop_index)],
            state_operations=[migrations.AddIndex("correctiveaction", INDEX)],
        )
    ]
