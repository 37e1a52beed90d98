"""Publishes the laboratory's events, and notes that they are stored."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from dev.waiting import Stalled
from lab.chaos.instruments.database import Database
from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.ledger import Account, Told
from lab.gauge import GaugeRead
from outbox.publisher import publish_all

Reading = tuple[str, int, str]
"""Gauge, position and conduct."""
Kinds = Sequence[type[GaugeRead]]

STORE_SECONDS = 60.0


def publish_readings(readings: Sequence[Reading], kinds: Kinds = (GaugeRead,)) -> list[str]:
    """
    Publish in one transaction of this process. Return the tokens by which the checker knows them.

    Of `kinds` each reading has the one that comes after that of the reading before it.
    """
    with transaction.atomic():
        publish_all(
            [
                (kinds[number % len(kinds)](gauge=gauge, position=at, conduct=conduct), None)
                for number, (gauge, at, conduct) in enumerate(readings)
            ],
            actor=None,
        )
    return [token_of(reading) for reading in readings]


def token_of(reading: Reading) -> str:
    return f"{reading[0]}/{reading[1]}"


def store(lab: Laboratory, account: Account, readings: Sequence[Reading], kinds: Kinds = (GaugeRead,)) -> None:
    """Publish from a child, so that this process stays without connections. Note them as acknowledged."""
    child = lab.fork("publisher", lambda: publish_readings(readings, kinds))
    if child.wait(STORE_SECONDS) != 0:
        raise Stalled(f"the events could not be published: {child.last_words()}")
    for reading in readings:
        account.note("reading", token_of(reading), Told.ACKNOWLEDGED)


def store_many(
    database: Database,
    account: Account,
    number: int,
    *,
    gauge: str = "i::text",
    position: str = "1",
    due: str = "now()",
    kind: type[GaugeRead] = GaugeRead,
    conduct: str = "",
) -> None:
    """
    Insert events by SQL, many at once, and note them.

    `gauge`, `position` and `due` are SQL expressions of `i`, which counts from 1.
    """
    payload = f"jsonb_build_object('gauge', {gauge}, 'position', {position}, 'conduct', %s::text)"
    rows = database.rows(
        "INSERT INTO outbox_outboxevent (event_id, event_type, schema_version, aggregate_type, aggregate_id, payload, "
        "headers, status, attempts, next_attempt_at, last_error) "
        f"SELECT gen_random_uuid(), %s, 1, %s, {gauge}, {payload}, '{{}}', 'PENDING', 0, {due}, '' "
        "FROM generate_series(1, %s) AS i ORDER BY i RETURNING aggregate_id || '/' || (payload->>'position')",
        [kind.event_type, kind.aggregate_type, conduct, number],
    )
    for (token,) in rows:
        account.note("reading", token, Told.ACKNOWLEDGED)
