"""Indexes for reading by an id alone, and by a kind of record alone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0005_refuse_replacement")]

    operations = [
        migrations.AddIndex(
            "auditentry", models.Index(fields=["entity_id", "entity_type", "-id"], name="audit_by_record")
        ),
        migrations.AddIndex("auditentry", models.Index(fields=["entity_type", "-id"], name="audit_by_kind")),
        migrations.RemoveIndex("auditentry", "audit_by_entity"),
    ]
