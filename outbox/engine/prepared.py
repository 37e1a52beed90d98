"""Statements that the server parses and plans once."""

from __future__ import annotations

import time
from typing import Any

import psycopg
from django.db import connection

from outbox.tuning import REPLAN_SECONDS


def prepared_cursor() -> Any:
    """
    Return a cursor of Django's connection. The server parses and plans its statements once.

    Django's own cursors put values into the text. So each execution would be planned anew. Plans are thrown away every
    REPLAN_SECONDS.
    """
    connection.ensure_connection()
    line: Any = connection.connection
    now = time.monotonic()
    if line.prepare_threshold is None:
        line.prepare_threshold, line.qhse_planned_at = 1, now
    # The wrapper keeps what Django's cursors have: its exceptions, and its hooks around each statement.
    cursor = connection._prepare_cursor(psycopg.Cursor(line))  # type: ignore[attr-defined]
    if now - line.qhse_planned_at > REPLAN_SECONDS:
        line.qhse_planned_at = now
        cursor.execute("DISCARD PLANS")  # statements stay: by name, the driver counts on them
    return cursor
