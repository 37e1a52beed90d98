"""A worker's second connection: it listens for notifications, and keeps notes that must not wait for a transaction."""

from __future__ import annotations

import logging
import os
import select
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

import psycopg
from django.db import connection
from psycopg.pq.abc import PGconn

from outbox.wakeup import CHANNEL

logger = logging.getLogger("outbox.worker")

ALIVE_SECONDS = 2.0


class SideConnection:
    """
    An autocommit connection beside Django's, opened when it is first needed and again after it was lost.

    Its commits do not wait for the disk (`synchronous_commit=off`): what a crash of the server could take from
    them is worth less than a disk flush for each batch. What waits for the server happens inside of `guard`, which may
    end the process.
    """

    def __init__(self, *, guard: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        self._guard = guard
        self._connection: psycopg.Connection[Any] | None = None

    def query(self, sql: str, parameters: Mapping[str, Any] | Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run one statement in a transaction of its own. Raises Django's OperationalError when the line is dead."""
        with connection.wrap_database_errors, self._guard():
            try:
                return self._open().execute(sql, parameters).fetchall()
            except psycopg.OperationalError:
                self.close()
                raise

    def is_alive(self) -> bool:
        """Answer whether the line that was last used answers within ALIVE_SECONDS; a new one is not opened."""
        if self._connection is None or self._connection.closed:
            return False
        try:
            answers = _answers(self._connection.pgconn, ALIVE_SECONDS)
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
            if self._connection is None or self._connection.closed:
                with self._guard():
                    self._open()  # what was published before it listened would be missed
                return True
            line = self._connection
            # One that arrived together with the answer to a statement lies in memory, where select() cannot see it.
            if self._drain(line):
                return True
            readable, _, _ = select.select([line.fileno(), wake], [], [], seconds)
            return line.fileno() in readable and self._drain(line)
        except psycopg.Error as error:
            logger.warning("listening was interrupted", extra={"error": str(error).strip()[:200]})
            self.close()
            select.select([wake], [], [], min(seconds, 1.0))
            return True

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _open(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            parameters = connection.get_connection_params()
            options = f"{parameters.get('options', '')} -c synchronous_commit=off".strip()
            # One short statement over and over: worth preparing, which Django leaves switched off.
            prepared = {"cursor_factory": psycopg.Cursor, "prepare_threshold": 1}
            parameters |= {"options": options, "application_name": "qhse-worker-side"} | prepared
            self._connection = psycopg.connect(**parameters, autocommit=True)
            self._connection.execute(f"LISTEN {CHANNEL}")
        return self._connection

    @staticmethod
    def _drain(line: psycopg.Connection[Any]) -> bool:
        line.pgconn.consume_input()
        arrived = False
        while line.pgconn.notifies():
            arrived = True
        return arrived


def _answers(line: PGconn, seconds: float) -> bool:
    # By hand, because the library's own calls wait for as long as the line stays open.
    line.send_query(b"SELECT 1")
    ends_at = time.monotonic() + seconds
    while (left := ends_at - time.monotonic()) > 0:
        if not select.select([line.socket], [], [], left)[0]:
            continue
        line.consume_input()
        while not line.is_busy():
            if line.get_result() is None:
                return True
    return False


class WakePipe:
    """A pipe that a signal handler writes into, so that a wait in select() ends at once."""

    def __init__(self) -> None:
        self.read_end, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)

    def __del__(self) -> None:
        for end in (self.read_end, self._write_end):
            os.close(end)

    def wait(self, seconds: float) -> None:
        """Wait so long, or until somebody has called `wake`, which lasts for ever."""
        select.select([self.read_end], [], [], seconds)

    def wake(self) -> None:
        with suppress(BlockingIOError):  # it is full, so whoever waits wakes anyway
            os.write(self._write_end, b"!")
