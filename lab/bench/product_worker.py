"""
The real worker command with the benchmark's handler: `python -m lab.bench.product_worker FORM [--claims]`.

It obeys `lab.bench.crew`. With --claims it also reports how long each claim took.
"""

from __future__ import annotations

import argparse
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from io import StringIO
from typing import Any

import django
import psycopg

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qhse.settings")
django.setup()

from django.core.management import call_command  # noqa: E402 (needs the apps)
from django.db import connection  # noqa: E402

from lab.bench.subject import FORMS, subscribe  # noqa: E402
from lab.bench.worker_protocol import serve  # noqa: E402

_READS_EVENTS = re.compile(r"\boutbox_outboxevent\b")
_MARKS_EVENTS = re.compile(r"\bUPDATE\s+\"?outbox_outboxevent\b")


class ClaimTimes:
    """
    Milliseconds of each claim: what a batch spent in statements about events before its handler was called.

    Of what the engine is made is not asked, so that the figure survives its changes.
    """

    def __init__(self) -> None:
        self.milliseconds: list[float] = []
        self._collecting = True
        self._sum = 0.0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Time every statement at the driver. The engine may pass Django by."""
        execute = psycopg.Cursor.execute

        def timed(cursor: Any, query: Any, *arguments: Any, **options: Any) -> Any:
            started = time.perf_counter()
            try:
                return execute(cursor, query, *arguments, **options)
            finally:
                self._note(str(query), time.perf_counter() - started)

        psycopg.Cursor.execute = timed  # type: ignore[assignment, method-assign]
        try:
            yield
        finally:
            psycopg.Cursor.execute = execute  # type: ignore[method-assign]

    def _note(self, sql: str, seconds: float) -> None:
        if _MARKS_EVENTS.search(sql):
            self._collecting, self._sum = True, 0.0
        elif self._collecting and _READS_EVENTS.search(sql):
            self._sum += seconds * 1000

    def handler_is_called(self) -> None:
        if self._collecting:
            self.milliseconds.append(round(self._sum, 3))
        self._collecting = False

    def take(self) -> list[float]:
        """Return the claims since the last call."""
        taken, self.milliseconds, self._sum, self._collecting = self.milliseconds, [], 0.0, True
        return taken


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("form", choices=FORMS)
    parser.add_argument("--claims", action="store_true")
    options = parser.parse_args()
    claims = ClaimTimes()
    subscribe(options.form, before_each_call=claims.handler_is_called if options.claims else None)
    connection.ensure_connection()

    def drain(batch_size: int) -> list[float]:
        call_command("run_outbox_worker", "--drain", "--batch-size", str(batch_size), stdout=StringIO())
        return claims.take()

    def run_forever() -> None:
        call_command("run_outbox_worker")

    with claims.watching() if options.claims else nullcontext():
        serve(drain=drain, run_forever=run_forever)


if __name__ == "__main__":
    main()
