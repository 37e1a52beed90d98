"""Builds what the workers find: backlogs and histories. Checks what they left."""

from __future__ import annotations

from django.core.management import call_command
from django.db import connection, transaction
from tqdm import tqdm

from lab.bench.subject import AGGREGATES, HANDLER, KINDS, Effect
from lab.database import Database
from lab.gauge import GaugeRead
from outbox.models import OutboxEvent
from outbox.publisher import publish_all

PUBLISHED_AT_ONCE = 1_000
HISTORY_CHUNK = 250_000
HISTORY_DAYS = 100

# Made of a clock and a number that counts up, as the product makes them: an index then grows at one end only.
_UUID7 = """
    (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || '7'
     || lpad(to_hex(({number}) %% 4096), 3, '0') || '8' || substr(md5(random()::text || ({number})), 1, 15))::uuid
"""

_A_SAMPLE = "JOIN benchmark_backlog b ON b.number = 1 + i %% (SELECT max(number) FROM benchmark_backlog)"


class NotHandledOnce(AssertionError):
    """A worker did not leave one effect, one note and one mark for each event."""


def make_tables(events: int) -> None:
    """Migrate Django's default database. Keep there a backlog to copy from, published as the product does it."""
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        editor.create_model(Effect)
    for start in range(0, events, PUBLISHED_AT_ONCE):
        numbers = range(start, min(start + PUBLISHED_AT_ONCE, events))
        with transaction.atomic():
            publish_all(
                [(GaugeRead(gauge=str(number % AGGREGATES), position=number), None) for number in numbers], actor=None
            )
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE benchmark_backlog AS SELECT * FROM outbox_outboxevent")
        cursor.execute("ALTER TABLE benchmark_backlog ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY UNIQUE")
        cursor.execute("TRUNCATE outbox_outboxevent")
    connection.close()


def begin(database: Database, events: int) -> None:
    """Empty the tables, but for so many handled events. Else the planner would believe that all events are pending."""
    database.execute("TRUNCATE outbox_outboxevent, outbox_processedevent, benchmark_effect")
    _insert_done(database, 0, events, of=events)
    settle(database)


def remove_backlog(database: Database, done: int) -> None:
    """Leave nothing but the oldest `done` handled events."""
    database.execute("TRUNCATE outbox_processedevent, benchmark_effect")
    database.execute(
        "DELETE FROM outbox_outboxevent WHERE id > "
        "(SELECT max(id) FROM (SELECT id FROM outbox_outboxevent ORDER BY id LIMIT %s) oldest)",
        (done,),
    )


def add_backlog(database: Database, events: int, *, aggregates: int = AGGREGATES, kinds: str = "") -> None:
    """
    Add pending events in one transaction. Leave the table as vacuum and checkpoint would.

    `kinds` is what their types begin with. Each aggregate then has events of several types.
    """
    chosen = {"aggregate_id": f"(i %% {aggregates})::text"}
    if kinds:
        chosen["event_type"] = f"'{kinds}' || ((i + i / {aggregates}) %% {KINDS})"
    insert(database, events, chosen)
    settle(database)


def insert(database: Database, events: int, chosen: dict[str, str]) -> None:
    """Insert pending events. `chosen` are columns and an SQL expression for each, of `i`, which counts up from 1."""
    names, values = _columns({"event_id": _UUID7.format(number="i")} | chosen)
    database.execute(
        f"INSERT INTO outbox_outboxevent ({names}) SELECT {values} FROM generate_series(1, %s) AS i {_A_SAMPLE} "
        "ORDER BY i",
        (events,),
    )


def settle(database: Database) -> None:
    """Do now what the server would otherwise do at some moment of the measurement."""
    for table in ("outbox_outboxevent", "outbox_processedevent", "benchmark_effect"):
        database.execute(f"VACUUM (ANALYZE) {table}")
    database.execute("CHECKPOINT")


def add_history(database: Database, events: int) -> None:
    """Add events that were handled in the last HISTORY_DAYS, each with the note that it was."""
    database.execute("SET synchronous_commit = off")
    with tqdm(total=events, unit="event", unit_scale=True, desc="history", disable=None) as bar:
        for start in range(0, events, HISTORY_CHUNK):
            end = min(start + HISTORY_CHUNK, events)
            _insert_done(database, start, end, of=events)
            bar.update(end - start)
    database.execute("RESET synchronous_commit")
    settle(database)


def _insert_done(database: Database, start: int, end: int, *, of: int) -> None:
    age = f"now() - interval '{HISTORY_DAYS} days' * (1 - i / {of}.0)"
    chosen = {
        "event_id": _UUID7.format(number="i"),
        "status": "'DONE'",
        "aggregate_id": f"(i %% {AGGREGATES})::text",
    } | dict.fromkeys(("created_at", "occurred_at", "next_attempt_at", "processed_at"), age)
    names, values = _columns(chosen)
    database.execute(
        f"WITH historic AS (INSERT INTO outbox_outboxevent ({names}) "
        f"SELECT {values} FROM generate_series(%(start)s, %(end)s - 1) AS i "
        f"{_A_SAMPLE} ORDER BY i RETURNING event_id, processed_at) "
        "INSERT INTO outbox_processedevent (event_id, handler, processed_at) "
        "SELECT event_id, %(handler)s, processed_at FROM historic",
        {"start": start, "end": end, "handler": HANDLER},
    )


def _columns(chosen: dict[str, str]) -> tuple[str, str]:
    """Return the names of the columns of events except the key, and an SQL expression for each."""
    names = [str(field.column) for field in OutboxEvent._meta.local_concrete_fields if not field.primary_key]
    return ", ".join(names), ", ".join(chosen.get(name, f"b.{name}") for name in names)


def check_and_time(database: Database, *, events: int, since: int = 0, left: int = 0) -> float:
    """
    Check that each event was handled once. Return when the last effect was committed, as a Unix time.

    `since` is the id of the last effect from before, `left` how many events are not done. Raises NotHandledOnce.
    """
    effects, different, last = database.row(
        "SELECT count(*), count(DISTINCT event_id), extract(epoch FROM max(pg_xact_commit_timestamp(xmin)))::float8 "
        "FROM benchmark_effect WHERE id > %s",
        (since,),
    )
    (unnoted,) = database.row(
        "SELECT count(*) FROM benchmark_effect f WHERE f.id > %s AND NOT EXISTS "
        "(SELECT FROM outbox_processedevent p WHERE p.event_id = f.event_id)",
        (since,),
    )
    # Of gauges alone: the workers also do the product's daily jobs, which publish events of their own.
    (pending,) = database.row(
        "SELECT count(*) FROM outbox_outboxevent WHERE status IN ('PENDING', 'FAILED') AND aggregate_type = %s",
        (GaugeRead.aggregate_type,),
    )
    if (effects, different, unnoted, pending) != (events, events, 0, left):
        raise NotHandledOnce(
            f"{events} events: {effects} effects of {different} events, {unnoted} not noted, {pending} not done"
        )
    return float(last)
