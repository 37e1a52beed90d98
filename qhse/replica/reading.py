"""`read`: on the replica if that can be told from nothing but the load, else on the primary. It never fails for it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connections

from qhse.database import is_out_of_step
from qhse.replica.asking import Copy, Primary, ask_primary, ask_replica
from qhse.replica.breaker import breaker
from qhse.replica.errors import LineNotProven
from qhse.replica.hanging_up import hung_up_after
from qhse.replica.metrics import READS
from qhse.replica.router import PRIMARY, REPLICA

logger = logging.getLogger("qhse.replica")

UNPROVEN = (
    "it was promoted, or the primary does not know its newest beat: it follows another server, or is an hour behind"
)
NOBODY_BEATS = (
    "the replica is not read: the primary has no beat within REPLICA_MAX_LAG. Let a worker run, with "
    "REPLICA_DATABASE_URL and REPLICA_MAX_LAG as here"
)
SAID_EACH_SECONDS = 60.0
_said_at = -SAID_EACH_SECONDS

T = TypeVar("T")
PAUSES = (0.002, 0.005, 0.01, 0.02)
"""Seconds between looks at a copy that lacks what the caller wrote: it has it in less than a millisecond, as a rule."""
HANG_UP_SECONDS = 1.0
"""After the server's own bound for a statement. One that has stopped would never come to it."""


class Reader:
    """
    The place where one caller's reads that belong together are made: `using`, the name of a connection.

    It is the replica if that is proven to have all that `user` has written, and all that was committed REPLICA_MAX_LAG
    seconds ago; with `exact`, all that was committed when it was asked. Else, and from its first failure on, it is the
    primary.
    `as_of` says until when everything that was committed is in the answers of a replica. The primary has all: None.
    Without a user, as in jobs and commands, nobody knows what must have arrived: it is the primary.
    """

    def __init__(self, user: Any, *, exact: bool = False) -> None:
        self.using = PRIMARY
        self.as_of: datetime | None = None
        self._line: Any = None  # what is proven is proven of the server at its end
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
            if wrapper.connection is None or wrapper.connection is not self._line:
                raise OperationalError("the line that was proven is gone, and another may lead elsewhere")
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
            return breaker.why
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
        except LineNotProven as error:
            _cut_off("pooler", error)
            return "pooler"
        except (DatabaseError, InterfaceError, ValueError, TypeError) as error:
            _cut_off("away", error)
            return "away"
        reason = why_not(primary, copy, exact=exact)
        if reason == "no_beat":
            _say_that_nobody_beats()
        elif reason == "unproven":
            _cut_off(reason, UNPROVEN)
        elif not reason:
            self.using, self.as_of = REPLICA, primary.now if copy.is_complete(primary) else copy.follows_until
            self._line = connections[REPLICA].connection
        return reason or "fresh"

    def _leave(self, error: Exception) -> None:
        self.using, self.as_of = PRIMARY, None
        line = connections[REPLICA].connection
        if not isinstance(error, DatabaseError | InterfaceError):
            reason = "refused"
        elif line is None or line.closed or is_out_of_step(error):
            reason = "away"
            _cut_off(reason, error)
        else:
            reason = "failed"  # such as a row that the primary has tidied away meanwhile (40001), or a timeout
            logger.info("a read failed on the replica and is made on the primary: %s", _short(error))
        READS.labels(PRIMARY, reason).inc()


def read(selector: Callable[[str], T], *, user: Any, exact: bool = False) -> T:
    """Return what a selector returns, read where it may be read now. See `Reader`."""
    return Reader(user, exact=exact).read(selector)


def why_not(primary: Primary, copy: Copy, *, exact: bool) -> str:
    """
    Return why this copy cannot answer, or nothing.

    It must be a copy, and its newest beat one of this primary. No other server proves anything by its position or the
    age of its rows: one that was promoted, one that follows a former primary, a copy of something else.
    """
    if not _is_young(primary.beat_at, primary):
        return "no_beat"
    if not copy.is_in_recovery or copy.follows_until is None:
        return "unproven"
    if not _is_young(copy.follows_until, primary):
        return "too_old"
    is_complete = copy.is_complete(primary)
    if copy.found < len(primary.uids) or (primary.writes_much and not is_complete):
        return "own_write"
    return "behind" if exact and not is_complete else ""


MAY_PASS = frozenset({"unproven", "own_write", "behind"})
"""`unproven` too: a standby that commits wait for shows a beat a moment before the primary does."""


def _is_young(beat_at: datetime | None, primary: Primary) -> bool:
    # It may have beaten between both questions. More than that, and the clock was set back: nothing is known.
    return beat_at is not None and -1 <= (primary.now - beat_at).total_seconds() <= settings.REPLICA_MAX_LAG


def _cut_off(why: str, what: Exception | str) -> None:
    logger.warning("the replica is left alone for some seconds: %s", _short(what))
    connections[REPLICA].close()
    breaker.open(why)


def _say_that_nobody_beats() -> None:
    global _said_at
    if time.monotonic() - _said_at < SAID_EACH_SECONDS:
        return
    _said_at = time.monotonic()  # threads may race: then two of them say it
    logger.warning(NOBODY_BEATS)


def _short(what: Exception | str) -> str:
    return str(what).strip()[:200]
