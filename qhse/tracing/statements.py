"""Statements as spans: their text without values, and how long they took. COMMIT is one of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from django.db import connections
from django.db.backends.signals import connection_created

from qhse.tracing import spans
from qhse.tracing.spans import Value, moment

TEXT_AT_MOST = 1_500  # characters of a statement that are sent

_TEXT = re.compile(r"'(?:[^']|'')*(?:'|$)")
_NUMBER = re.compile(r"(?<![\w$%\"])\d+(?:\.\d+)?(?![\w\"])", re.ASCII)
_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+\"?(\w+)", re.IGNORECASE | re.ASCII)
_SYSTEMS = {"postgresql": "postgresql", "sqlite": "sqlite"}


def watch() -> None:
    """Record the statements of every connection of Django's, present and future."""
    connection_created.connect(_watch_line, dispatch_uid="qhse.tracing")
    for connection in connections.all(initialized_only=True):
        if connection.connection is not None:
            _watch_line(connection=connection)


def _watch_line(*, connection: Any, **kwargs: Any) -> None:
    if record in connection.execute_wrappers:
        return  # a new line of a connection that had one before
    # In front: who has a wrapper for a while takes the last one away again.
    connection.execute_wrappers.insert(0, record)
    connection._commit = partial(_commit, connection._commit, connection.vendor)


def record(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    """Run a statement, and record it if what it belongs to is recorded. It wraps Django's cursors."""
    span = spans.current()
    if span is None:
        return execute(sql, params, many, context)
    failed, began_at = "", moment()
    try:
        return execute(sql, params, many, context)
    except BaseException as error:
        failed = type(error).__name__
        raise
    finally:
        text = sql[: TEXT_AT_MOST + 1] if isinstance(sql, str) else ""
        span.keep_statement(*_described(text, context["connection"].vendor), began_at, failed)


def _commit(commit: Callable[[], Any], vendor: str) -> Any:
    span = spans.current()
    if span is None:
        return commit()
    failed, began_at = "", moment()
    try:
        return commit()
    except BaseException as error:
        failed = type(error).__name__
        raise
    finally:
        span.keep_statement(*_described("COMMIT", vendor), began_at, failed)


@lru_cache(1024)
def _described(text: str, vendor: str) -> tuple[str, dict[str, Value]]:
    """
    Return the name of a statement's span, and its attributes.

    Values travel beside the text, as parameters. What stands in a text nevertheless, as in a statement of a handler's
    own, is taken out of it.
    """
    bare = _NUMBER.sub("?", _TEXT.sub("?", text))
    operation = (bare.split(None, 1) or ["SQL"])[0].upper()[:30]
    table = _TABLE.search(bare)
    if len(bare) > TEXT_AT_MOST:
        bare = f"{bare[:TEXT_AT_MOST]}…"
    attributes: dict[str, Value] = {"db.system.name": _SYSTEMS.get(vendor, vendor), "db.operation.name": operation}
    if table:
        attributes["db.collection.name"] = table[1]
    if bare:
        attributes["db.query.text"] = bare
    return f"{operation} {table[1]}" if table else operation, attributes
