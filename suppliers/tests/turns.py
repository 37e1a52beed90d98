"""Two transactions that meet at a lock, in a known order, on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction

from dev.waiting import wait_until
from qhse.tests.waiting import at_once


def in_turn(
    first: Callable[[], Any],
    second: Callable[[], Any],
    *,
    meanwhile: Callable[[], Any] = lambda: None,
    commits: bool = True,
) -> list[Any]:
    """
    Begin `second` when `first` is done and not committed. End `first` when `second` waits for its lock.

    `meanwhile` runs in the first transaction while the second one waits. Return both results. An exception that one
    raised stands in its place.
    """
    first_holds_its_locks = threading.Event()

    def hold() -> Any:
        with transaction.atomic():
            result = first()
            first_holds_its_locks.set()
            wait_until(_somebody_waits_for_us, what="the second transaction to wait for the first")
            meanwhile()
            transaction.set_rollback(not commits)
        return result

    def follow() -> Any:
        assert first_holds_its_locks.wait(20)
        return second()

    return at_once(2, lambda number: (hold, follow)[number]())


def _somebody_waits_for_us() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
        )
        return bool(cursor.fetchone()[0])
