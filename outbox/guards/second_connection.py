"""A worker's second connection: it listens for notifications, and keeps notes that must not wait for a transaction."""

from __future__ import annotations

import logging
import select
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import psycopg
from django.db import connection
from psycopg.pq import TransactionStatus

from outbox.tuning import ANSWER_SECONDS
from qhse.database import ask_within
from qhse.deployment.connections import session_statement
from qhse.wakeup import CHANNEL

logger = logging.getLogger("outbox.worker")


class SecondConnection:
    """
    An autocommit connection beside Django's, opened when it is first needed and again after it was lost.

    Its commits do not wait for the disk (`synchronous_commit=off`): what a crash of the server could take from
    them is worth less than a disk flush for each batch. What waits for the server happens inside of `guard`, which may
    end the process.
    """

    def __init__(self, guard: Callable[[], AbstractContextManager[None]]) -> None:
        self._guard = guard
        self._line: psycopg.Connection[Any] | None = None
        self._heard = False

    def query(self, sql: str, parameters: Mapping[str, Any] | Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run one statement in a transaction of its own. Raises Django's OperationalError when the line is dead."""
        with connection.wrap_database_errors, self._guard():
            try:
                return self._open().execute(sql, parameters).fetchall()
            except psycopg.OperationalError:
                self.close()
                raise

    def is_alive(self) -> bool:
        """Answer whether the line that was last used answers within ANSWER_SECONDS; no other is opened."""
        if self._line is None or self._line.closed:
            return False
        try:
            answers = ask_within(ANSWER_SECONDS, self._line.pgconn, b"SELECT 1") is not None
        except psycopg.Error:
            answers = False
        if not answers:
            self.close()
        return answers

    def wait(self, seconds: float, wake: int) -> bool:
        """
        Wait for a notification, at most `seconds` and until the descriptor `wake` is readable; True for "look now".

        A line that turns out dead ends the wait too: the next look opens a new one, and finds what was missed.
        """
        try:
            if self._line is None or self._line.closed:
                with self._guard():
                    self._open()  # what was published before it listened would be missed
                return True
            # One that arrived together with the answer to a statement is in memory, where select() cannot see it.
            if self._has_heard(self._line):
                return True
            readable, _, _ = select.select([self._line.fileno(), wake], [], [], seconds)
            return self._line.fileno() in readable and self._has_heard(self._line)
        except psycopg.Error as error:
            logger.warning("listening was interrupted", extra={"error": str(error).strip()[:200]})
            self.close()
            select.select([wake], [], [], min(seconds, 1.0))
            return True

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line = None

    def _open(self) -> psycopg.Connection[Any]:
        if self._line and self._line.info.transaction_status == TransactionStatus.ACTIVE:
            self.close()  # a stop has interrupted it in the middle of a statement
        if self._line is None or self._line.closed:
            # One short statement over and over: worth preparing, which Django leaves switched off.
            prepared = {"cursor_factory": psycopg.Cursor, "prepare_threshold": 1}
            line = psycopg.connect(**connection.get_connection_params() | prepared, autocommit=True)
            try:
                line.add_notify_handler(self._hear)  # without one, the driver keeps all that it hears
                its_own = {"application_name": "qhse-worker-side", "synchronous_commit": "off"}
                line.execute(f"{session_statement(connection, line, **its_own)}; LISTEN {CHANNEL}", prepare=False)
            except BaseException:
                line.close()
                raise
            self._line = line
        return self._line

    def _hear(self, notification: object) -> None:
        self._heard = True

    def _has_heard(self, line: psycopg.Connection[Any]) -> bool:
        """Take all notifications that have arrived; one look answers them all."""
        line.pgconn.consume_input()
        while line.pgconn.notifies():
            self._heard = True
        heard, self._heard = self._heard, False
        return heard
