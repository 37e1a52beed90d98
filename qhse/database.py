"""What PostgreSQL is asked beside rows: its time, its locks, its reasons. SQLite's answers stand beside."""

from __future__ import annotations

import hashlib
import select
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from enum import StrEnum

from django.db import DatabaseError, InterfaceError, InternalError, connection
from django.utils import timezone
from psycopg.pq.abc import PGconn


class SqlState(StrEnum):
    """PostgreSQL's reasons that this product tells apart (its manual, appendix A)."""

    FOREIGN_KEY_VIOLATION = "23503"
    READ_ONLY_TRANSACTION = "25006"  # also of a server that has become a standby
    IDLE_IN_TRANSACTION_TIMEOUT = "25P03"
    SERIALIZATION_FAILURE = "40001"
    DEADLOCK = "40P01"
    DISK_FULL = "53100"
    OUT_OF_MEMORY = "53200"  # also the memory that holds locks
    TOO_MANY_CONNECTIONS = "53300"
    LOCK_NOT_AVAILABLE = "55P03"  # within lock_timeout
    QUERY_CANCELED = "57014"  # also by statement_timeout
    ADMIN_SHUTDOWN = "57P01"  # an administrator ended the connection
    IDLE_SESSION_TIMEOUT = "57P05"
    IO_ERROR = "58030"


def sqlstate(error: BaseException) -> str:
    """Return PostgreSQL's reason for an exception of Django's, or nothing where it gave none."""
    return getattr(error.__cause__, "sqlstate", None) or ""


def sqlstates(error: BaseException | None) -> Iterator[str]:
    """Yield the reasons of an exception and of those behind it, outermost first."""
    for _ in range(10):  # exceptions can be chained in a circle
        if error is None:
            return
        if state := getattr(error, "sqlstate", None):
            yield state
        error = error.__cause__ or error.__context__


def is_out_of_step(error: BaseException) -> bool:
    """
    Answer whether the driver got an answer that does not fit its question, which nobody has an SQLSTATE for.

    A pooler sends one when it loses the server behind it. The line is of no more use.
    """
    return isinstance(error, InternalError) and not sqlstate(error)


def database_time() -> datetime:
    """Return when the database got this statement: one clock for all machines. SQLite has none of its own."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def bound_transaction(*, lock: float, statement: float) -> None:
    """
    Bound each wait for a lock and each statement of this transaction, in seconds. For work that others can hold up.

    What takes longer raises OperationalError (55P03, 57014). SQLite's busy timeout is the connection's.

    Its statements are planned for their values. A worker's session has plans for any values, by the index that an order
    asks for. That suits the engine's own statements. Entries since an hour, in the order of their ids, would be looked
    for in the whole trail: 0.7 s of 3,000,000, each ten seconds.
    """
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true), "
            "set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true), "
            "set_config('plan_cache_mode', 'force_custom_plan', true)",
            [f"{int(lock * 1000)}ms", f"{int(statement * 1000)}ms"],
        )


def wait_for_turn(*what: object) -> None:
    """
    Take the turn of whoever does just this, until the transaction ends, and wait for those who are at it.

    So of two who look whether it is done already, at once, the second one sees what the first has done.
    """
    digest = hashlib.sha256(repr(what).encode()).digest()
    take_turn(int.from_bytes(digest[:8], signed=True), wait=True)


def take_turn(lock: int, *, wait: bool = False) -> bool:
    """
    Take an advisory lock (64 bits, signed) until the transaction ends. False if somebody else has it.

    With `wait` it is taken when the other has ended: within `lock_timeout`, else it raises OperationalError (55P03).
    SQLite has one writer at a time. A transaction that writes is it, so the turn is always ours.
    """
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        if wait:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock])
            return True
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [lock])
        taken: bool = cursor.fetchone()[0]
    return taken


def hold_turn(lock: int) -> bool:
    """
    Take an advisory lock (64 bits, signed) for the session, so that no transaction has to stay open. False if another
    session has it. `leave_turn` gives it back, and so does the end of the session. On SQLite the turn is always ours.
    """
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [lock])
        taken: bool = cursor.fetchone()[0]
    return taken


def leave_turn(lock: int) -> None:
    """Give a turn of `hold_turn` back. If the session has ended, the lock has ended with it."""
    if connection.vendor == "postgresql":
        with suppress(DatabaseError, InterfaceError), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [lock])


def ask_within(seconds: float, line: PGconn, question: bytes) -> bytes | None:
    """
    Return the first value of the answer, or None when none comes in time. The line is of no use then.

    By hand, because the driver's own calls wait for as long as the line stays open.
    """
    line.send_query(question)
    ends_at, value = time.monotonic() + seconds, None
    while (left := ends_at - time.monotonic()) > 0:
        if select.select([line.socket], [], [], left)[0]:
            line.consume_input()
            while not line.is_busy():
                if (result := line.get_result()) is None:
                    return value
                value = result.get_value(0, 0) if result.ntuples else None
    return None
