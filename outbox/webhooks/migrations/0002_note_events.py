"""
The triggers that note each published event which an active endpoint may want, for `outbox.webhooks.fanout`.

In the database, because who publishes would otherwise ask in each transaction whether there is an endpoint. The answer
is exact: an endpoint gets what is published after it was made, from the first event on. Notes are rows of Outgoing, by
which pruning knows that the event is still needed.
"""

from django.db import migrations

NOTE = "INSERT INTO outbox_outgoing (channel, lane, key, event, replay, state, attempts, last_error) "
IS_WANTED = "EXISTS (SELECT 1 FROM webhooks_webhookendpoint WHERE status = 'ACTIVE')"

POSTGRESQL = f"""
CREATE FUNCTION webhooks_note_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF {IS_WANTED} THEN
        {NOTE} SELECT 'webhooks', 0, 0, id, 0, 0, 0, '' FROM published ORDER BY id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER webhooks_note_events AFTER INSERT ON outbox_outboxevent
    REFERENCING NEW TABLE AS published FOR EACH STATEMENT EXECUTE FUNCTION webhooks_note_events();
"""
POSTGRESQL_REVERSE = """
DROP TRIGGER webhooks_note_events ON outbox_outboxevent;
DROP FUNCTION webhooks_note_events();
"""
SQLITE = f"""
CREATE TRIGGER webhooks_note_events AFTER INSERT ON outbox_outboxevent WHEN {IS_WANTED}
BEGIN {NOTE} VALUES ('webhooks', 0, 0, NEW.id, 0, 0, 0, ''); END
"""
SQLITE_REVERSE = "DROP TRIGGER webhooks_note_events"

# A trigger takes a moment without writers: rather fail, and be run again, than let them queue.
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '10s';"


def install(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(LOCK_TIMEOUT + POSTGRESQL, params=None)
    else:
        schema_editor.execute(SQLITE, params=None)


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(LOCK_TIMEOUT + POSTGRESQL_REVERSE, params=None)
    else:
        schema_editor.execute(SQLITE_REVERSE, params=None)


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0001_endpoints_and_deliveries"), ("outbox", "0008_outgoing")]

    operations = [migrations.RunPython(install, remove)]
