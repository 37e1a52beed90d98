"""On PostgreSQL, an index of what descriptions are searched by. Without the extension for it, searches stay slow."""

import sys

from django.db import DatabaseError, migrations

TEXT = "No index of descriptions was made, so that a search reads every one: {reason} docs/operations.md says how later."


def make_index(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        try:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        except DatabaseError as error:  # not installed on this server, or not allowed to this role
            sys.stderr.write(TEXT.format(reason=str(error).partition("\n")[0]) + "\n")
            return
        # One that was interrupted leaves an index that is not valid.
        cursor.execute("DROP INDEX CONCURRENTLY IF EXISTS nc_by_text")
        cursor.execute("CREATE INDEX CONCURRENTLY nc_by_text ON ncs_nonconformity USING gin (search_key gin_trgm_ops)")


def drop_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS nc_by_text")


class Migration(migrations.Migration):
    atomic = False  # the index is made beside writers
    dependencies = [("ncs", "0004_search_key")]
    operations = [migrations.RunPython(make_index, drop_index)]
