"""What a handler may leave behind in the session of its connection, and how it is taken away again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from django.db import connection
from psycopg.pq import TransactionStatus

# What changes the session and not only rows. A change hidden in a function of the database is not seen.
_SESSION_STATEMENT = re.compile(
    r"\s*(?:set(?!\s+constraints)|reset|listen|unlisten|declare|prepare|load|discard|create\s+(?:local\s+|global\s+)?temp)",
    re.IGNORECASE,
)
_SESSION_FUNCTIONS = ("advisory_lock", "set_config")


@lru_cache(maxsize=1_000)
def _changes_the_session(sql: str) -> bool:
    return bool(_SESSION_STATEMENT.match(sql)) or any(name in sql.lower() for name in _SESSION_FUNCTIONS)


class SessionWatch:
    """
    Notices statements that would outlive the event, such as SET or a session's advisory lock.

    `line` is the connection that the batch has, or had.
    """

    def __init__(self) -> None:
        self.touched = False
        self.line: Any = None

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, execute_context: Any) -> Any:
        if _changes_the_session(str(sql)):
            self.touched = True
        return execute(sql, params, many, execute_context)

    @contextmanager
    def watching(self) -> Iterator[None]:
        self.touched = False
        self.line = connection.connection
        with connection.execute_wrapper(self):
            yield


def is_unusable(line: object) -> bool:
    """Answer whether nothing more can be done on this connection."""
    if line is None or connection.vendor != "postgresql":
        return line is None
    closed = bool(getattr(line, "closed", False))
    # Still in the middle of a statement: the handler was interrupted there, and the answer may yet come.
    return closed or line.info.transaction_status == TransactionStatus.ACTIVE  # type: ignore[attr-defined]


def reset_settings() -> None:
    """Take back settings, within a transaction."""
    _execute("RESET ALL; RESET SESSION AUTHORIZATION")


def reset_session() -> None:
    """Give the next event a session as new: without settings, advisory locks, cursors, temporary tables."""
    if not connection.in_atomic_block:
        _execute("DISCARD ALL")


def _execute(sql: str) -> None:
    if connection.vendor == "postgresql":
        execute_at_once(sql)
        connection.ensure_timezone()  # Django sets it when it connects, and reads every time as UTC


def execute_at_once(sql: str) -> None:
    """Execute several statements in one round trip; none of them is prepared, which would allow but one."""
    with connection.wrap_database_errors:
        connection.connection.execute(sql, prepare=False)
