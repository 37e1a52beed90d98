"""
The yardstick: the least that a worker must do for effects to happen exactly once, in plain psycopg.

It promises less than the product. It keeps no order within an aggregate, retries nothing, bounds no handler and knows
one of them. A batch that fails is not done again one by one. `python -m lab.bench.raw_worker` obeys `lab.bench.crew`.
"""

from __future__ import annotations

import sys

import psycopg

from lab.bench.worker_protocol import serve
from lab.database import Database

CHANNEL = "benchmark_raw"
FALLBACK_SECONDS = 5.0
LISTENING_BATCH = 100

CLAIM = """
    SELECT id, event_id, event_type, aggregate_id, payload, headers, occurred_at FROM outbox_outboxevent
    WHERE status = 'PENDING' AND next_attempt_at <= now() ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
"""
REMEMBER = """
    INSERT INTO outbox_processedevent (event_id, handler)
    SELECT event_id, 'benchmark.raw' FROM unnest(%s::uuid[]) AS event_id ON CONFLICT DO NOTHING
"""
_EFFECTS = """
    INSERT INTO benchmark_effect (event_id, gauge, position)
    SELECT * FROM unnest(%s::uuid[], %s::text[], %s::bigint[])
"""
MARK = "UPDATE outbox_outboxevent SET status = 'DONE', processed_at = now() WHERE id = ANY(%s)"


def prepare(database: Database) -> None:
    """Add the one index that these statements want. They must not depend on the product's."""
    database.execute(
        "CREATE INDEX IF NOT EXISTS benchmark_raw_pending ON outbox_outboxevent (id) WHERE status = 'PENDING'"
    )


class RawWorker:
    """One connection, and the four statements of a batch on it."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True, application_name="benchmark-raw")

    def drain(self, batch_size: int) -> None:
        """Handle batches until nothing is due."""
        while self.handle_batch(batch_size):
            pass

    def handle_batch(self, batch_size: int) -> int:
        """Claim, remember, write the effects, mark, commit. Return how many events that were."""
        with self._connection.transaction(), self._connection.cursor() as cursor:
            events = cursor.execute(CLAIM, (batch_size,)).fetchall()
            if not events:
                return 0
            event_ids = [event[1] for event in events]
            cursor.execute(REMEMBER, (event_ids,))
            if cursor.rowcount != len(events):
                raise RuntimeError("an event was claimed that had been handled before")
            payloads = [event[4] for event in events]
            cursor.execute(
                _EFFECTS, (event_ids, [item["gauge"] for item in payloads], [item["position"] for item in payloads])
            )
            cursor.execute(MARK, ([event[0] for event in events],))
        return len(events)

    def run_forever(self) -> None:
        """Handle events when a notification comes. Look every FALLBACK_SECONDS without one."""
        self._connection.execute(f"LISTEN {CHANNEL}")
        while True:
            while self.handle_batch(LISTENING_BATCH) == LISTENING_BATCH:
                pass
            for _ in self._connection.notifies(timeout=FALLBACK_SECONDS, stop_after=1):
                pass


if __name__ == "__main__":
    worker = RawWorker(sys.argv[1])
    serve(drain=worker.drain, run_forever=worker.run_forever)
