"""What is asked of both servers before a read: how far each is, and whether the copy has what a user has written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connections
from psycopg import sql

from qhse.database import ask_within
from qhse.replica.breaker import breaker
from qhse.replica.router import PRIMARY, REPLICA

ANSWER_SECONDS = 0.5
LAST_WRITES = 100
"""
Entries of a user that are looked at, whatever the bound on the age. Who has more of them that may be missing must wait
until the copy has everything.
"""
OPEN_SECONDS = 120.0
"""No transaction of a user stays open for so long after its entry: statements take 10 s at most, pauses 15 s."""

_PRIMARY = f"""
SELECT statement_timestamp(), CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_insert_lsn()::text END,
(SELECT at::text FROM replica_heartbeat),
(SELECT coalesce(array_agg(uid::text) FILTER
    (WHERE created_at > statement_timestamp() - make_interval(secs => %s)), '{{}}')
 FROM (SELECT uid, created_at FROM audit_auditentry WHERE actor = %s ORDER BY id DESC LIMIT {LAST_WRITES}) last)
"""  # nosec B608: only numbers of ours

# A server that has been promoted is no copy any more, and nothing is replayed on it.
_REPLICA = """
SELECT json_build_object(
    'is_caught_up', CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END
        >= {lsn}::pg_lsn,
    'found', (SELECT count(*) FROM audit_auditentry WHERE uid = ANY({uids}::uuid[])),
    'beat', (SELECT at::text FROM replica_heartbeat),
    'beat_at', (SELECT extract(epoch FROM at) FROM replica_heartbeat),
    'is_in_recovery', pg_is_in_recovery()
)
"""

# The server's history and the database: a copy of it has the same, and nothing else has.
_IDENTITY = (
    b"SELECT system_identifier::text || '/' || (SELECT oid::text FROM pg_database WHERE datname = current_database()) "
    b"FROM pg_control_system()"
)

_AGE = b"SELECT (SELECT extract(epoch FROM at) FROM replica_heartbeat)"


@dataclass(frozen=True, slots=True)
class Primary:
    """The primary at one moment: its position, its last beat, and what the user has written lately."""

    now: datetime
    lsn: str
    beat: str | None
    uids: list[str]

    @property
    def writes_much(self) -> bool:
        """Answer whether the user may have written more, lately, than was looked at."""
        return len(self.uids) >= LAST_WRITES


@dataclass(frozen=True, slots=True)
class Copy:
    """The copy, asked about that moment. `beat_at` is by the primary's clock, in seconds; None without a beat."""

    is_caught_up: bool
    found: int
    beat: str | None
    beat_at: float | None
    is_in_recovery: bool = True


def ask_primary(username: str) -> Primary | None:
    """Return how far the primary is. None if it is no primary, or has not been migrated."""
    try:
        with connections[PRIMARY].cursor() as cursor:
            cursor.execute(_PRIMARY, [_missing_at_most_seconds(), username])
            now, lsn, beat, uids = cursor.fetchone()
    except DatabaseError:  # the read itself says to its caller what is wrong
        return None
    return None if lsn is None else Primary(now, lsn, beat, list(uids))


def _missing_at_most_seconds() -> float:
    """
    Return the age of an entry from which on a copy that is young enough has it.

    It was committed before the time of which such a copy is. A fixed age would do for small bounds only.
    """
    return OPEN_SECONDS + settings.REPLICA_MAX_LAG


def ask_replica(primary: Primary) -> Copy:
    """
    Return how far the copy is.

    Raises OperationalError when it does not answer in time, or not to this question, and when it is a copy of something
    else, which is looked at once a line.
    """
    _demand_copy()
    uids = "{" + ",".join(primary.uids) + "}"
    question = _REPLICA.format(lsn=sql.quote(primary.lsn), uids=sql.quote(uids))
    answer = json.loads(_ask(question.encode()))
    return Copy(**answer)


def _demand_copy() -> None:
    wrapper: Any = connections[REPLICA]
    wrapper.ensure_connection()
    if getattr(wrapper, "known_as_copy", None) is wrapper.connection:
        return
    theirs = _ask(_IDENTITY).decode()
    with connections[PRIMARY].cursor() as cursor:
        cursor.execute(_IDENTITY.decode())
        ours = cursor.fetchone()[0]
    if theirs != ours:
        raise OperationalError("REPLICA_DATABASE_URL leads to a database that is no copy of the one of DATABASE_URL")
    wrapper.known_as_copy = wrapper.connection


def _ask(question: bytes) -> bytes:
    wrapper = connections[REPLICA]
    wrapper.ensure_connection()
    try:
        answer = ask_within(ANSWER_SECONDS, wrapper.connection.pgconn, question)
    except psycopg.Error as error:
        raise OperationalError(str(error)) from error
    if answer is None:
        raise OperationalError("the replica has not answered in time, or is no copy of this database")
    return answer


def age_of_replica() -> float | None:
    """Return the age of the last beat on the replica, in seconds. None if it does not answer or has none."""
    if breaker.is_open():
        return None
    try:
        beat_at = float(_ask(_AGE))
        with connections[PRIMARY].cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM statement_timestamp())")
            now: Any = cursor.fetchone()[0]
    except (DatabaseError, InterfaceError, ValueError):
        connections[REPLICA].close()
        return None
    return max(0.0, float(now) - beat_at)
