"""What a handler may leave behind in the session of its connection, and how it is taken away again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from psycopg.pq import TransactionStatus

# What changes the session and not only rows. A change hidden in a function of the database is not seen.
_SESSION_STATEMENT = re.compile(
    r"\s*(?:set(?!\s+constraints)|reset|listen|unlisten|declare|prepare|load|discard|create\s+(?:local\s+|global\s+)?temp)",
    re.IGNORECASE,
)
_SESSION_FUNCTIONS = ("advisory_lock", "set_config")


class SessionWatch:
    """
    Notices statements that would outlive the event, such as SET or a session's advisory lock.

    `line` is the connection that the batch has, or had.
    """

    def __init__(self) -> None:
        self.touched = False
        self.line: Any = None

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, execute_context: Any) -> Any:
        text = str(sql)
        if _SESSION_STATEMENT.match(text) or any(name in text.lower() for name in _SESSION_FUNCTIONS):
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
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("RESET ALL; RESET SESSION AUTHORIZATION")
        connection.ensure_timezone()  # Django sets it when it connects, and reads every time as UTC


def reset_session() -> None:
    """Give the next event a session as new: without settings, advisory locks, cursors, temporary tables."""
    if connection.vendor == "postgresql" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("DISCARD ALL")
        connection.ensure_timezone()
