"""
An end to waiting for a server that has stopped, though its kernel goes on: its storage hangs, or it is frozen.

Its own bounds have stopped with it, and TCP notices nothing. Each thread of the HTTP server would wait for as long as
that lasts, also when another server has taken over long ago.
"""

from __future__ import annotations

import re
import weakref
from functools import partial
from typing import Any

import psycopg

MARGIN_SECONDS = 5.0
"""What a server that works needs beyond its own bound on a statement, to say that it is over."""

_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}


def bound_waits(line: psycopg.Connection[Any], statement_timeout: str) -> None:
    """
    Let nobody wait on this line much longer than the server's bound, as that says it. Without a bound there is no end.

    Who does gets OperationalError, and the line is closed. What they wrote may have happened: COMMIT is bounded too.
    """
    found = re.fullmatch(r"(\d+)(ms|s|min|h|d)", statement_timeout)
    if found:
        seconds = int(found[1]) * _SECONDS[found[2]] + MARGIN_SECONDS
        # By a weak reference, so that the line ends with whoever has it. The driver's own method does the waiting.
        line.wait = partial(_wait, weakref.ref(line), seconds)  # type: ignore[method-assign]


def _wait(line: weakref.ref[psycopg.Connection[Any]], seconds: float, gen: Any, **options: Any) -> Any:
    waiting = line()
    assert waiting is not None
    if options.get("timeout") is not None:  # of a caller's own, such as who listens
        return type(waiting).wait(waiting, gen, **options)
    try:
        return type(waiting).wait(waiting, gen, **options | {"timeout": seconds})
    except psycopg.errors._WaitTimeout:
        waiting.pgconn.finish()  # whatever comes now would be taken for the answer to the next statement
        raise psycopg.OperationalError(f"the server has not answered within {seconds:g} s") from None
