"""What is asked of both servers before a read: how far each is, and whether the copy has what a user has written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

import psycopg
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connections
from psycopg import sql

from qhse.database import ask_within
from qhse.replica.breaker import breaker
from qhse.replica.models import TIMELINE
from qhse.replica.router import PRIMARY, REPLICA

ANSWER_SECONDS = 0.5
LAST_WRITES = 100
"""
Entries of a user that are looked at, whatever the bound on the age. Who has more of them that may be missing must wait
until the copy has everything.
"""
OPEN_SECONDS = 120.0
"""No transaction of a user stays open for so long after its entry: statements take 10 s at most, pauses 15 s."""

# A standby has no position of its own to ask for, and no timeline.
_PRIMARY = f"""
SELECT statement_timestamp(), CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn()::text END,
CASE WHEN NOT pg_is_in_recovery() THEN {TIMELINE} END, newest.id::text, newest.timeline, newest.at,
(SELECT coalesce(array_agg(uid::text) FILTER
    (WHERE created_at > statement_timestamp() - make_interval(secs => %s)), '{{}}')
 FROM (SELECT uid, created_at FROM audit_auditentry WHERE actor = %s ORDER BY id DESC LIMIT {LAST_WRITES}) last)
FROM (SELECT) one LEFT JOIN (SELECT * FROM replica_beat ORDER BY timeline DESC, at DESC LIMIT 1) newest ON true
"""  # nosec B608: only numbers and statements of ours

_REPLICA = """
SELECT json_build_object(
    'is_in_recovery', pg_is_in_recovery(),
    'has_position', pg_is_in_recovery() AND pg_last_wal_replay_lsn() >= {lsn}::pg_lsn,
    'found', (SELECT count(*) FROM audit_auditentry WHERE uid = ANY({uids}::uuid[])),
    'beat', (SELECT id FROM replica_beat ORDER BY timeline DESC, at DESC LIMIT 1)
)
"""

_KNOWN = f"SELECT at FROM replica_beat WHERE id = %s AND timeline = {TIMELINE}"  # nosec B608: a statement of ours


@dataclass(frozen=True, slots=True)
class Primary:
    """
    The primary at one moment: its position, its newest beat, and what the user has written lately.

    Without a beat since the server became the primary there is none.
    """

    now: datetime
    lsn: str
    beat: str | None
    beat_at: datetime | None
    uids: list[str]

    @property
    def writes_much(self) -> bool:
        """Answer whether the user may have written more, lately, than was looked at."""
        return len(self.uids) >= LAST_WRITES


@dataclass(frozen=True, slots=True)
class Copy:
    """
    The copy, asked about that moment.

    `follows_until` is the time of its newest beat, as the primary has it; None if the primary has no such beat.
    """

    is_in_recovery: bool
    has_position: bool
    found: int
    follows_until: datetime | None

    def is_complete(self, primary: Primary) -> bool:
        """Answer whether it lacks nothing. Positions can be compared only because it has the primary's newest beat."""
        if self.follows_until is None or primary.beat_at is None:
            return False
        return self.has_position and self.follows_until >= primary.beat_at


def ask_primary(username: str) -> Primary | None:
    """Return how far the primary is. None if it is no primary, or has not been migrated."""
    try:
        with connections[PRIMARY].cursor() as cursor:
            cursor.execute(_PRIMARY, [_missing_at_most_seconds(), username])
            now, lsn, timeline, beat, beat_timeline, beat_at, uids = cursor.fetchone()
    except DatabaseError:  # the read itself says to its caller what is wrong
        return None
    if lsn is None:
        return None
    if beat_timeline != timeline:
        beat = beat_at = None
    return Primary(now, lsn, beat, beat_at, list(uids))


def _missing_at_most_seconds() -> float:
    """
    Return the age of an entry from which on a copy that is young enough has it.

    It was committed before the time of which such a copy is. A fixed age would do for small bounds only.
    """
    return OPEN_SECONDS + settings.REPLICA_MAX_LAG


def ask_replica(primary: Primary) -> Copy:
    """
    Return how far the copy is. If it has another newest beat than the primary, the primary is asked about that one.

    Raises OperationalError when it does not answer in time, or not to this question.
    """
    uids = "{" + ",".join(primary.uids) + "}"
    question = _REPLICA.format(lsn=sql.quote(primary.lsn), uids=sql.quote(uids))
    answer = json.loads(_ask(question.encode()))
    beat = answer.pop("beat")
    return Copy(**answer, follows_until=primary.beat_at if beat == primary.beat else _known(beat))


def _known(beat: str | None) -> datetime | None:
    """Return when the primary has written this beat. None if it has not, or long ago, or on another timeline."""
    with connections[PRIMARY].cursor() as cursor:
        cursor.execute(_KNOWN, [beat])
        row: tuple[datetime] | None = cursor.fetchone()
    return row and row[0]


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
    """Return the seconds since the replica's newest beat. None if it does not answer, or nothing proves its age."""
    if breaker.is_open():
        return None
    try:
        primary = ask_primary("")
        copy = primary and ask_replica(primary)
    except (DatabaseError, InterfaceError, ValueError, TypeError):
        connections[REPLICA].close()
        return None
    if not primary or not copy or not copy.is_in_recovery or copy.follows_until is None:
        return None
    return max(0.0, (primary.now - copy.follows_until).total_seconds())
