"""
Points at which a process can die: before and after each statement that it sends.

Django's execute wrappers see no BEGIN, COMMIT or ROLLBACK, and no second connection. So the driver itself is wrapped,
where it sends for a cursor and where it sends of its own accord. `killpoints` proves by the server's log that no
statement escapes.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import Connection, ServerCursor
from psycopg._connection_base import BaseConnection


class Points:
    """Counts the points that this process passes while armed, and kills it at one of them."""

    def __init__(self, kill_at: int = 0) -> None:
        self.passed: list[str] = []
        self.statements = 0
        self.armed = False
        self._kill_at = kill_at

    def pass_by(self, when: str, what: object) -> None:
        if not self.armed:
            return
        self.passed.append(f"{when} {_head(what)}")
        if len(self.passed) == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """Wrap the driver, for the rest of this process's life."""
        for owner, name in ((psycopg.Cursor, "execute"), (psycopg.Cursor, "executemany"), (ServerCursor, "execute")):
            setattr(owner, name, self._around(getattr(owner, name)))
        command = BaseConnection._exec_command

        def exec_command(connection: Any, sql: Any, *arguments: Any, **options: Any) -> Any:
            self._statement()
            self.pass_by("before", sql)
            try:
                return (yield from command(connection, sql, *arguments, **options))
            finally:
                self.pass_by("after", sql)

        connect = Connection.connect.__func__  # type: ignore[attr-defined]

        def connect_between_points(cls: Any, *arguments: Any, **options: Any) -> Any:
            self.pass_by("before", "connect")
            try:
                return connect(cls, *arguments, **options)
            finally:
                self.pass_by("after", "connect")

        BaseConnection._exec_command = exec_command  # type: ignore[method-assign, assignment]
        Connection.connect = classmethod(connect_between_points)  # type: ignore[assignment]

    def _statement(self) -> None:
        self.statements += self.armed

    def _around(self, execute: Callable[..., Any]) -> Callable[..., Any]:
        def between_points(cursor: Any, sql: Any, *arguments: Any, **options: Any) -> Any:
            self._statement()
            self.pass_by("before", sql)
            try:
                return execute(cursor, sql, *arguments, **options)
            finally:
                self.pass_by("after", sql)

        return between_points


def _head(sql: object) -> str:
    text = sql.decode() if isinstance(sql, bytes) else str(sql)
    return " ".join(text.split())[:60]
