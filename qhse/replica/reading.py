"""`read`: on the replica if that can be told from nothing but the load, else on the primary. It never fails for it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections

from qhse.database import is_out_of_step
from qhse.replica.asking import Copy, Primary, ask_primary, ask_replica
from qhse.replica.breaker import breaker
from qhse.replica.hanging_up import hung_up_after
from qhse.replica.metrics import READS
from qhse.replica.router import PRIMARY, REPLICA

logger = logging.getLogger("qhse.replica")

T = TypeVar("T")
PAUSES = (0.002, 0.005, 0.01, 0.02)
"""Seconds between looks at a copy that lacks what the caller wrote: it has it in less than a millisecond, as a rule."""
HANG_UP_SECONDS = 1.0
"""After the server's own bound for a statement. One that has stopped would never come to it."""


class Reader:
    """
    The place where one caller's reads that belong together are made: `using`, the name of a connection.

    It is the replica if that has all that `user` has written, and all that was committed REPLICA_MAX_LAG seconds ago;
    with `exact`, all that was committed when it was asked. Else, and from its first failure on, it is the primary.
    `as_of` says until when everything that was committed is in the answers of a replica. The primary has all: None.
    Without a user, as in jobs and commands, nobody knows what must have arrived: it is the primary.
    """

    def __init__(self, user: Any, *, exact: bool = False) -> None:
        self.using = PRIMARY
        self.as_of: datetime | None = None
        if settings.REPLICA and user is not None:
            reason = self._choose(user, exact)
            READS.labels(self.using, reason).inc()

    def read(self, selector: Callable[[str], T]) -> T:
        """
        Return what the selector returns, which is given the name of the connection. It may be called a second time.

        What fails on the replica, or is refused there, the primary decides.
        """
        if self.using == PRIMARY:
            return selector(PRIMARY)
        wrapper = connections[REPLICA]
        try:
            wrapper.ensure_connection()
            with hung_up_after(wrapper.connection, settings.REPLICA_STATEMENT_SECONDS + HANG_UP_SECONDS):
                return selector(REPLICA)
        except Exception as error:  # of any kind: a copy that is behind refuses what the primary does not
            self._leave(error)
        return selector(PRIMARY)

    def _choose(self, user: Any, exact: bool) -> str:
        """Choose the place, and return why."""
        if connections[PRIMARY].in_atomic_block:
            return "in_transaction"  # what it has written is nowhere else yet
        if breaker.is_open():
            return "away"
        primary = ask_primary(user.username)
        if primary is None:
            return "unknown"
        try:
            copy = ask_replica(primary)
            for pause in PAUSES:
                if why_not(primary, copy, exact=exact) not in MAY_PASS:
                    break
                time.sleep(pause)
                copy = ask_replica(primary)
        except (DatabaseError, InterfaceError, ValueError, TypeError) as error:
            _cut_off(error)
            return "away"
        reason = why_not(primary, copy, exact=exact)
        if not reason:
            self.using, self.as_of = REPLICA, _as_of(primary, copy)
        return reason or "fresh"

    def _leave(self, error: Exception) -> None:
        self.using, self.as_of = PRIMARY, None
        line = connections[REPLICA].connection
        if not isinstance(error, DatabaseError | InterfaceError):
            reason = "refused"
        elif line is None or line.closed or is_out_of_step(error):
            reason = "away"
            _cut_off(error)
        else:
            reason = "failed"  # such as a row that the primary has tidied away meanwhile (40001), or a timeout
            logger.info("a read failed on the replica and is made on the primary: %s", _short(error))
        READS.labels(PRIMARY, reason).inc()


def read(selector: Callable[[str], T], *, user: Any, exact: bool = False) -> T:
    """Return what a selector returns, read where it may be read now. See `Reader`."""
    return Reader(user, exact=exact).read(selector)


def why_not(primary: Primary, copy: Copy, *, exact: bool) -> str:
    """Return why this copy cannot answer, or nothing."""
    # A copy of another history may be at any position. It does not have the beat of this one.
    is_complete = copy.is_caught_up and copy.beat is not None and copy.beat == primary.beat
    age = None if copy.beat_at is None else primary.now.timestamp() - copy.beat_at
    # It may have beaten between both questions. More than that, and the clock was set back: nothing is known.
    # A promoted server has beats of its own, which say nothing of what the primary has.
    is_recent = copy.is_in_recovery and age is not None and -1 <= age <= settings.REPLICA_MAX_LAG
    if not (is_recent or is_complete):
        return "too_old"
    if copy.found < len(primary.uids) or (primary.writes_much and not is_complete):
        return "own_write"
    return "behind" if exact and not is_complete else ""


MAY_PASS = frozenset({"own_write", "behind"})


def _as_of(primary: Primary, copy: Copy) -> datetime | None:
    if copy.is_caught_up and copy.beat == primary.beat:
        return primary.now
    return None if copy.beat_at is None else datetime.fromtimestamp(copy.beat_at, UTC)


def _cut_off(error: Exception) -> None:
    logger.warning("the replica is left alone for some seconds: %s", _short(error))
    connections[REPLICA].close()
    breaker.open()


def _short(error: Exception) -> str:
    return str(error).strip()[:200]
