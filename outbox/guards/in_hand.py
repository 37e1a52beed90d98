"""
Finding handlers that kill their process (`os._exit`, a crash in C, out of memory) or their connection.

No transaction outlives such a death, so the attempt cannot be counted where it happens. Instead a worker writes what
it is about to hand to handlers into `InHand`, on a second connection and committed at once. Whoever then claims an
event that such a row names knows that its holder is gone, for otherwise the lock would not have been free. From a
batch nobody can say which event it was: all are suspects, and handled alone. One that was alone is at fault, and
counted. Rows from before a restart of the server say nothing: everybody lost his locks then.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from outbox.engine.claim import ClaimedEvent
from outbox.guards.second_connection import SideConnection

UNFINISHED_KEPT = 100

# A row whose events have all been decided on is of no use. Younger ones may belong to a batch that is just starting.
_SWEEP = """
DELETE FROM outbox_inhand h WHERE h.worker <> %s AND h.started_at < now() - interval '1 minute' AND NOT EXISTS (
    SELECT FROM jsonb_array_elements(h.events) held
    JOIN outbox_outboxevent e ON e.id = (held->>0)::bigint
    WHERE e.status = 'PENDING' AND (extract(epoch FROM e.next_attempt_at) * 1000000)::bigint = (held->>1)::bigint)
"""
_WRITE = """
WITH others AS MATERIALIZED (
    SELECT worker, events, alone FROM outbox_inhand
    WHERE worker <> %(worker)s AND started_at > pg_postmaster_start_time()
),
mine AS (
    INSERT INTO outbox_inhand (worker, events, alone) VALUES (%(worker)s, %(events)s, %(alone)s)
    ON CONFLICT (worker) DO UPDATE
    SET events = excluded.events, alone = excluded.alone, started_at = statement_timestamp()
)
SELECT worker, events, alone FROM others
"""


@dataclass(frozen=True, slots=True)
class Held:
    """What a worker had in its hands: pairs of (row id, turn)."""

    worker: str
    events: frozenset[tuple[int, int]]
    alone: bool


@dataclass(frozen=True, slots=True)
class Suspicion:
    """`suspects` were in a batch that vanished; `at_fault` maps those that were alone to the worker that vanished."""

    suspects: frozenset[int] = frozenset()
    at_fault: dict[int, str] | None = None


class InHandRecord:
    """The row of one worker, and what the rows of others say about the events that it has just locked."""

    def __init__(self, *, worker: str, side: SideConnection) -> None:
        self._worker = worker
        self._side = side
        self._current: Held | None = None
        self._unfinished: list[Held] = []

    def write(self, events: Sequence[ClaimedEvent], *, alone: bool = False) -> Suspicion:
        """
        Note these events as in hand, committed at once, and return which of them are suspicious.

        Raises OperationalError when the second connection is gone: without the note no handler may run.
        """
        pairs = [(event.pk, event.turn) for event in events]
        rows = self._side.query(_WRITE, {"worker": self._worker, "events": json.dumps(pairs), "alone": alone})
        self._current = Held(self._worker, frozenset(pairs), alone)
        held = [
            Held(worker, frozenset((pk, turn) for pk, turn in _loaded(listed)), was_alone)
            for worker, listed, was_alone in rows
        ]
        return _judge(pairs, [*held, *self._unfinished])

    def finished(self, *, decided: Collection[int], of: int) -> None:
        """
        The batch is over, this process lives, and these row ids among `of` events were processed, retried or dead.

        Events that were processed never come back, so the row may stay as it is unless some were let go.
        """
        self._current = None
        rest = (
            replace(held, events=frozenset(e for e in held.events if e[0] not in decided)) for held in self._unfinished
        )
        self._unfinished = [held for held in rest if held.events]
        if len(decided) < of:
            self._side.query(_WRITE, {"worker": self._worker, "events": "[]", "alone": False})

    def broken_off(self) -> None:
        """
        The connection was lost in the middle: a handler may have done that, so they are suspects as well.

        Not when this, the other connection is lost too. Then the server went away, or somebody ended all connections;
        suspects would only slow down the recovery.
        """
        if self._current is not None and self._side.is_alive():
            # The oldest are forgotten at some point: other workers will long have decided on them.
            self._unfinished = [*self._unfinished, self._current][-UNFINISHED_KEPT:]
        self._current = None

    def remove(self) -> None:
        self._side.query("DELETE FROM outbox_inhand WHERE worker = %s RETURNING worker", [self._worker])

    def sweep(self) -> None:
        """Remove rows of vanished workers that say nothing any more."""
        self._side.query(f"{_SWEEP} RETURNING worker", [self._worker])


def _judge(pairs: Sequence[tuple[int, int]], held: Iterable[Held]) -> Suspicion:
    mine = frozenset(pairs)
    suspects: set[int] = set()
    at_fault: dict[int, str] = {}
    for other in held:
        common = {pk for pk, _ in other.events & mine}
        if other.alone:
            at_fault |= dict.fromkeys(common, other.worker)
        else:
            suspects |= common
    return Suspicion(frozenset(suspects), at_fault)


def _loaded(listed: Any) -> Any:
    """Return the list: Django's adapters leave JSON undecoded, for its fields to do."""
    return json.loads(listed) if isinstance(listed, str) else listed
