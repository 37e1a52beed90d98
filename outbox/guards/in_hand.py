"""
Finding handlers that kill their process (`os._exit`, a crash in C, out of memory) or their connection.

No transaction outlives such a death, so the attempt cannot be counted where it happens. Instead a worker notes what
it is about to hand to handlers in `InHand`, on a second connection and committed at once. Whoever then claims an
event that another's note names knows that its holder is gone: otherwise the lock would not have been free. From a
batch nobody can say which event it was, so all are suspects and handled alone. One that was alone is at fault, and
counted. Notes from before a restart of the server say nothing: everybody lost their locks then.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from outbox.guards.second_connection import SecondConnection

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


class InHandNote:
    """The note of one worker, and what the notes of others say. Without a second connection there is none."""

    def __init__(self, worker: str, second: SecondConnection | None) -> None:
        self._worker = self._name = worker
        self._names = 1
        self._second = second
        self._noted: set[int] = set()

    def write(self, events: Sequence[tuple[int, int]], *, alone: bool = False) -> tuple[set[int], dict[int, str]]:
        """
        Note these events, pairs of row id and stamp, committed at once.

        Return those that were in a batch that vanished, and those that were alone, with the worker that vanished.
        Raises OperationalError when the second connection is gone: without the note no handler may run.
        """
        suspects: set[int] = set()
        at_fault: dict[int, str] = {}
        if self._second is None:
            return suspects, at_fault
        rows = self._second.query(_WRITE, {"worker": self._name, "events": json.dumps(events), "alone": alone})
        self._noted = {pk for pk, _ in events}
        mine = set(events)
        for worker, listed, was_alone in rows:
            common = {pk for pk, stamp in json.loads(listed) if (pk, stamp) in mine}
            if was_alone:
                at_fault |= dict.fromkeys(common, worker)
            else:
                suspects |= common
        return suspects, at_fault

    def finished(self, decided: Collection[int]) -> None:
        """
        The handlers have come back, and these row ids were processed, retried or dead.

        What was decided never comes back with the same stamp. So the note may stay as it is, unless some were let go.
        """
        let_go, self._noted = self._noted - set(decided), set()
        if let_go:
            self.write([])

    def leave_behind(self) -> None:
        """
        The connection was lost in the middle, and a handler may have done that: go on under another name.

        The note then speaks for itself, as that of a worker that has vanished. Not when the second connection is lost
        too: that was the server, or somebody who ended both. Under the same name, the next note replaces this one.
        """
        if self._noted and self._second and self._second.is_alive():
            self._names += 1
            self._name = f"{self._worker}-{self._names}"
        self._noted = set()

    def remove(self) -> None:
        if self._second:
            self._second.query("DELETE FROM outbox_inhand WHERE worker = %s RETURNING worker", [self._name])
