"""A batch's transaction belongs to the worker. What a handler does to it is refused, or found after the call."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection
from psycopg.pq import TransactionStatus

from outbox.errors import TransactionSpoilt

_ENDS_OR_BEGINS = re.compile(
    r"(?:\s|;|--[^\n]*\n|/\*.*?\*/)*"
    r"(?:BEGIN|START\s+TRANSACTION|COMMIT|END|ABORT|PREPARE\s+TRANSACTION"
    r"|ROLLBACK(?!\s+(?:(?:WORK|TRANSACTION)\s+)?TO\b))\b",
    re.IGNORECASE | re.DOTALL,
)


def refuse_transaction_control(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    """Refuse SQL that would commit or roll back, and any after that has happened. It wraps Django's cursors."""
    text = sql if isinstance(sql, str) else sql.decode() if isinstance(sql, bytes) else sql.as_string(None)
    if _ENDS_OR_BEGINS.match(text) or _status() == TransactionStatus.IDLE:
        connection.needs_rollback = True  # it counts, even if the handler swallows the error
        raise TransactionSpoilt(f"a handler must not end the transaction of its batch; refused: {text[:50]!r}")
    return execute(sql, params, many, context)


@contextmanager
def kept_whole() -> Iterator[None]:
    """
    Raise TransactionSpoilt if the transaction is not after the block what it was before.

    Asks Django's state and the driver's, and sends nothing. Blocks that were entered and never left are taken off
    Django's stack. Else a rollback of the worker's own block would go to the wrong savepoint.
    """
    state: Any = connection
    depth, blocks = len(connection.savepoint_ids), len(connection.atomic_blocks)
    state.rollback_exc = None
    try:
        yield
    finally:
        left_open = len(connection.savepoint_ids) > depth
        del connection.savepoint_ids[depth:], connection.atomic_blocks[blocks:]
    if left_open:
        raise TransactionSpoilt("it has left a block of transaction.atomic open")
    if len(connection.savepoint_ids) < depth or not is_whole():
        raise TransactionSpoilt(
            "it has swallowed an error of the database, or rolled back, committed or closed what is not its own"
        ) from state.rollback_exc


def is_whole() -> bool:
    """Answer whether the transaction is open and can still be committed."""
    return connection.in_atomic_block and not connection.needs_rollback and _status() == TransactionStatus.INTRANS


def _status() -> int:
    line: Any = connection.connection
    if line is None or connection.closed_in_transaction:
        return TransactionStatus.UNKNOWN
    if isinstance(line, psycopg.Connection):
        return line.pgconn.transaction_status
    return TransactionStatus.INTRANS if line.in_transaction else TransactionStatus.IDLE
