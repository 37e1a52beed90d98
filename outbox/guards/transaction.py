"""A batch's transaction belongs to the worker. What a handler does to it is refused, or found after the call."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections
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
    state = context["connection"]
    if _ENDS_OR_BEGINS.match(text) or _status(state) == TransactionStatus.IDLE:
        state.needs_rollback = True  # it counts, even if the handler swallows the error
        raise TransactionSpoilt(f"a handler must not end the transaction of its batch; refused: {text[:50]!r}")
    return execute(sql, params, many, context)


class KeptWhole:
    """
    Raises TransactionSpoilt if the transaction is not after the block what it was before.

    Asks Django's state and the driver's, and sends nothing. Blocks that were entered and never left are taken off
    Django's stack. Else a rollback of the worker's own block would go to the wrong savepoint.
    """

    def __enter__(self) -> None:
        # The connection itself: each attribute costs many times as much through Django's proxy, and this is hot.
        state: Any = connections[DEFAULT_DB_ALIAS]
        self._state, self._depth, self._blocks = state, len(state.savepoint_ids), len(state.atomic_blocks)
        state.rollback_exc = None

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        state = self._state
        depth = len(state.savepoint_ids)
        del state.savepoint_ids[self._depth :], state.atomic_blocks[self._blocks :]
        if error is not None:
            return  # the handler's own, which tells more
        if depth > self._depth:
            raise TransactionSpoilt("it has left a block of transaction.atomic open")
        if depth < self._depth or not is_whole(state):
            raise TransactionSpoilt(
                "it has swallowed an error of the database, or rolled back, committed or closed what is not its own"
            ) from state.rollback_exc


def is_whole(state: Any = connection) -> bool:
    """Answer whether the transaction is open and can still be committed."""
    return state.in_atomic_block and not state.needs_rollback and _status(state) == TransactionStatus.INTRANS


def _status(state: Any) -> int:
    line: Any = state.connection
    if line is None or state.closed_in_transaction:
        return TransactionStatus.UNKNOWN
    if isinstance(line, psycopg.Connection):
        return line.pgconn.transaction_status
    return TransactionStatus.INTRANS if line.in_transaction else TransactionStatus.IDLE
