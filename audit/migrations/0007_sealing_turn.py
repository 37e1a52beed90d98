"""A row that sealers lock and strangers cannot, which names the last seal."""

from django.db import migrations, models


def begin_at_the_last_seal(apps, schema_editor):
    # Whether it is ours is looked at when it is read.
    last = apps.get_model("audit", "AuditSeal").objects.aggregate(last=models.Max("number"))["last"]
    apps.get_model("audit", "SealingTurn").objects.create(pk=1, seal=last or 0)


class Migration(migrations.Migration):
    dependencies = [("audit", "0006_indexes")]

    operations = [
        migrations.CreateModel(
            name="SealingTurn",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("seal", models.PositiveIntegerField(default=0)),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(id=1), name="sealing_has_one_turn", violation_error_message="There is one turn."
                    )
                ],
            },
        ),
        migrations.RunPython(begin_at_the_last_seal, migrations.RunPython.noop),
    ]
