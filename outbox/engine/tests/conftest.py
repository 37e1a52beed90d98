"""Other sessions beside the one of a test, and the clock by which walks are timed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from outbox.engine import claim as claiming


@pytest.fixture
def another_session() -> Iterator[Callable[[], Any]]:
    """Open further connections, each in a transaction. What is left open at the end is closed like a dead worker's."""
    opened: list[Any] = []

    def open_one() -> Any:
        other = connection.copy()
        other.connect()
        other.set_autocommit(False)
        opened.append(other)
        return other

    yield open_one
    for other in opened:
        other.close()


@pytest.fixture
def another_worker_holds(another_session: Callable[[], Any]) -> Callable[..., Any]:
    """
    Lock rows in another session, as a worker in the middle of its batch does. Return the session.

    It lasts for 10 seconds, so that a claim that waits for it fails its test, and does not wait forever.
    """

    def hold(*ids: int) -> Any:
        other = another_session()
        with other.cursor() as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '10s'")
            cursor.execute("SELECT id FROM outbox_outboxevent WHERE id = ANY(%s) FOR UPDATE", [list(ids)])
            assert len(cursor.fetchall()) == len(ids)
        return other

    return hold


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The clock of walks. It ticks by a thousandth of a second whenever it is read."""

    class Clock:
        now = 1_000.0

        def monotonic(self) -> float:
            self.now += 0.001
            return self.now

    ticking = Clock()
    monkeypatch.setattr(claiming, "time", SimpleNamespace(monotonic=ticking.monotonic))
    return ticking
