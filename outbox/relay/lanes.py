"""Which lanes this relay sends from. A lane is held by a lock of the database session, so by one relay at a time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection

from django.db import connection

from outbox.leaving import HOLDERS, LOCKS, PRESENCE
from outbox.outgoing import LANES

logger = logging.getLogger("outbox.relay")

LOOK_SECONDS = 1.0
"""Pause between looks at who holds what: a killed relay's lanes are taken over after so long."""


class Lanes:
    """
    The lanes that this relay holds, an even share among the relays that are connected.

    It is a lease without a clock. The server ends it with the session, whatever the process thinks. A relay that was
    cut off and wakes up finds its session gone: it may have sent twice what the next holder sends, never deleted what
    was not sent. Consumers see by message id and sequence.

    `when_taken` is called with lanes that have just come, before anything is sent from them.
    """

    def __init__(self, when_taken: Callable[[frozenset[int]], None] = lambda lanes: None) -> None:
        self.held: frozenset[int] = frozenset()
        self._when_taken = when_taken
        self._session: object = None
        self._look_at = 0.0

    def look(self, busy: Collection[int] = ()) -> None:
        """
        Take free lanes up to our share, and give back what is above it. Those that are `busy` are kept for now.

        One query a second. Raises DatabaseError when the line is gone; then nothing is held.
        """
        if self._session is not connection.connection or self._session is None:
            self.forget()
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_SECONDS
        if self._session is None:
            connection.ensure_connection()
            self._session = connection.connection
            self._ask("SELECT pg_advisory_lock_shared(%s, %s)", PRESENCE)
        relays, ours, theirs = self._holders()
        share = -(-LANES // max(1, relays))
        surplus = sorted(ours - set(busy))[: max(0, len(ours) - share)]
        for lane in surplus:
            self._ask("SELECT pg_advisory_unlock(%s, %s)", lane)
        kept = ours - set(surplus)
        taken = frozenset(
            lane for lane in sorted(set(range(LANES)) - ours - theirs)[: max(0, share - len(kept))]
            if self._ask("SELECT pg_try_advisory_lock(%s, %s)", lane)
        )  # fmt: skip
        if surplus or taken:
            logger.info("lanes are shared anew", extra={"relays": relays, "lanes": sorted(kept | taken)})
        if taken:
            self._when_taken(taken)
        self.held = kept | taken

    def forget(self) -> None:
        """Hold nothing. The server has released, or will release, what the session held."""
        self.held, self._session, self._look_at = frozenset(), None, 0.0

    def _holders(self) -> tuple[int, frozenset[int], frozenset[int]]:
        with connection.cursor() as cursor:
            cursor.execute(HOLDERS, [LOCKS])
            rows = cursor.fetchall()
        relays = sum(number == PRESENCE for number, _ in rows)
        ours = frozenset(number for number, is_ours in rows if is_ours and number != PRESENCE)
        return relays, ours, frozenset(number for number, is_ours in rows if not is_ours and number != PRESENCE)

    @staticmethod
    def _ask(sql: str, number: int) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(sql, [LOCKS, number])
            return bool(cursor.fetchone()[0])
