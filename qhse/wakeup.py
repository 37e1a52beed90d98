"""Waking workers that wait. A notification shortens their wait. Polling is what guarantees progress."""

from __future__ import annotations

import logging
from typing import Any

from django.db import Error, connection, transaction

CHANNEL = "qhse_outbox"

logger = logging.getLogger("outbox")


def wake_workers() -> None:
    """
    Tell waiting workers to look, after the caller's transaction has committed. A rollback tells nobody.

    One statement for each transaction, whatever it publishes. SQLite has no notifications. Workers there poll.
    """
    hooks: Any = connection.run_on_commit
    if connection.vendor == "postgresql" and all(hook is not notify for _, hook, _ in hooks):
        transaction.on_commit(notify, robust=True)


def notify() -> None:
    """
    Notify in a transaction of its own, which does not wait for the disk. Raises nothing.

    From NOTIFY to the end of its commit a transaction holds a lock that the whole server shares. With the writers' own
    commits, which wait for the disk, they would go one by one.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('synchronous_commit', 'off', true), pg_notify(%s, '')", [CHANNEL])
    except Error as error:
        logger.warning("workers were not notified, and find the event when they poll: %s", str(error).strip()[:200])
        if not connection.in_atomic_block:
            connection.close()  # whatever the caller does next opens another
