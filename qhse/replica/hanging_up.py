"""Ends a wait for a server that has stopped. Its own timeouts cannot: they have stopped with it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock, Timer
from typing import Any

import psycopg


@contextmanager
def hung_up_after(line: psycopg.Connection[Any], seconds: float) -> Iterator[None]:
    """Cut the line when the block takes longer. Who waits for an answer then gets OperationalError."""
    # A socket of our own on the same line: its number cannot have been given to another line when the time is over.
    ours = socket.socket(fileno=os.dup(line.pgconn.socket))
    guard, is_over = Lock(), False

    def hang_up() -> None:
        with guard, suppress(OSError):
            if not is_over:
                ours.shutdown(socket.SHUT_RDWR)

    timer = Timer(seconds, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with guard:
            is_over = True
            ours.close()
