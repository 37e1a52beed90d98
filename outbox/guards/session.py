"""What handlers may leave behind in the session of their connection, and how it is taken away again."""

from __future__ import annotations

from typing import Any

import psycopg
from django.db import connection
from psycopg.pq import TransactionStatus

from qhse.deployment.connections import session_statement

# One round trip, in an order that matters: settings first, because a handler's may forbid or time out what follows;
# tables last, because one cannot be dropped before its constraints have been looked at.
_SETTLE = """
SET SESSION AUTHORIZATION DEFAULT; RESET ALL; {session};
SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED;
CLOSE ALL; UNLISTEN *; SELECT pg_advisory_unlock_all(); DISCARD TEMP;
{then}
"""


def settle_session(then: str = "") -> None:
    """
    Check deferred constraints now, and take back settings, cursors, listeners, session locks and temporary tables.

    Django declares foreign keys as deferred. The COMMIT would look at them outside of every savepoint: one violation
    would take the whole batch along, and nobody could tell whose it is. The session is reset whatever handlers have
    done: to watch their SQL costs more, and misses what a function of the database does.

    Raises DatabaseError, also for a transaction that a handler has spoilt by swallowing an error.
    """
    if line := _driver_line():
        with connection.wrap_database_errors:
            # Several in one: none of them can be prepared.
            line.execute(_SETTLE.format(session=session_statement(connection), then=then), prepare=False)


def is_line_lost() -> bool:
    """Answer whether nothing more can be done on this connection."""
    line = _driver_line()
    # A handler interrupted in the middle of a statement leaves an answer behind that may yet come.
    return connection.connection is None or (line is not None and line.closed) or running_line() is not None


def running_line() -> psycopg.Connection[Any] | None:
    """Return the driver's connection when it is in the middle of a statement."""
    line = _driver_line()
    return line if line and line.info.transaction_status == TransactionStatus.ACTIVE else None


def _driver_line() -> psycopg.Connection[Any] | None:
    line: Any = connection.connection
    return line if isinstance(line, psycopg.Connection) else None
