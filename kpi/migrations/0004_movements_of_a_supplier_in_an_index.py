"""What is counted of a supplier's cases and actions is read in an index. The new ones come before the old ones go."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("kpi", "0003_suppliers_count_as_they_are_shown")]

    operations = [
        migrations.AddIndex(
            "casemovement",
            models.Index(
                fields=[
                    "supplier_id", "day", "n", "severity", "category", "created_on", "due_on", "contained_on",
                    "contained_hours", "closed_on", "closed_days", "is_repeat", "has_gaps", "was_reopened", "cost",
                ],
                name="case_move_of_supplier",
            ),
        ),
        migrations.AddIndex(
            "actionmovement",
            models.Index(
                fields=[
                    "supplier_id", "day", "n", "is_running", "due_on", "done_on", "done_days", "verified_on",
                    "is_effective",
                ],
                name="action_move_of_supplier",
            ),
        ),
        migrations.RemoveIndex("casemovement", "case_move_by_supplier"),
        migrations.RemoveIndex("actionmovement", "action_move_by_supplier"),
    ]  # fmt: skip
