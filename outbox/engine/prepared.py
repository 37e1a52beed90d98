"""Statements that the engine repeats for every batch, prepared by the server where there is one."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import psycopg
from django.db import connection

REPLAN_SECONDS = 10.0


def prepared_cursor() -> Any:
    """
    Return a cursor of Django's connection whose statements the server parses and plans once.

    Django's own cursors put values into the text, so that each execution is planned anew. Plans are thrown away every
    REPLAN_SECONDS: one made for an empty outbox must not outlive a flood. On SQLite it is an ordinary cursor.
    """
    if connection.vendor != "postgresql":
        return connection.cursor()
    connection.ensure_connection()
    line: Any = connection.connection
    now = time.monotonic()
    if line.prepare_threshold is None:
        line.prepare_threshold, line.qhse_planned_at = 1, now
    # The wrapper keeps what Django's cursors have: its exceptions, and its hooks around each statement.
    cursor = connection._prepare_cursor(psycopg.Cursor(line))  # type: ignore[attr-defined]
    if now - line.qhse_planned_at > REPLAN_SECONDS:
        line.qhse_planned_at = now
        cursor.execute("DEALLOCATE ALL")
    return cursor


def array_literal(values: Iterable[object]) -> str:
    """Return numbers or UUIDs as one literal of an array: for a list of them the driver takes ten times as long."""
    return f"{{{','.join(map(str, values))}}}"
