"""Statements that the server parses and plans once."""

from __future__ import annotations

from typing import Any

import psycopg
from django.db import connection


def prepared_cursor() -> Any:
    """
    Return a cursor of Django's connection. The server parses and plans its statements once.

    Django's own cursors put values into the text. So each execution would be planned anew. A plan made for an empty
    outbox serves a flood as well: a worker's session reads by indexes, whatever the statistics say.
    """
    connection.ensure_connection()
    line: Any = connection.connection
    line.prepare_threshold = 1
    # The wrapper keeps what Django's cursors have: its exceptions, and its hooks around each statement.
    return connection._prepare_cursor(psycopg.Cursor(line))  # type: ignore[attr-defined]
