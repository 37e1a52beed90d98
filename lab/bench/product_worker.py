"""
The real worker command with the benchmark's handlers: `python -m lab.bench.product_worker FORM`.

It obeys `lab.bench.crew`. With --claims it also reports how long each claim took.
"""

from __future__ import annotations

import argparse
import sys
import time
from io import StringIO
from typing import Any

import django

from qhse.env import choose_settings

choose_settings()
django.setup()

from django.core.management import CommandError, call_command  # noqa: E402 (needs the apps)
from django.db import connection  # noqa: E402

from lab.bench.subject import FORMS, subscribe  # noqa: E402
from lab.bench.worker_protocol import serve  # noqa: E402
from outbox.engine.claim import Claimer  # noqa: E402


class TimeIsUp(BaseException):
    """The drain ends here. Its batch in hand is rolled back."""


class ClaimTimes:
    """Milliseconds of each claim, those that fail and those that find nothing as well."""

    def __init__(self) -> None:
        self._milliseconds: list[float] = []
        self._ends_at = float("inf")

    def watch(self) -> None:
        """Time every claim from now on, for the rest of this process's life."""
        claim = Claimer.claim

        def timed(claimer: Claimer, limit: int, **options: Any) -> Any:
            started = time.perf_counter()
            if started > self._ends_at:
                raise TimeIsUp
            try:
                return claim(claimer, limit, **options)
            finally:
                self._milliseconds.append(round((time.perf_counter() - started) * 1000, 3))

        Claimer.claim = timed  # type: ignore[method-assign, assignment]

    def end_after(self, seconds: float) -> None:
        """Raise TimeIsUp in place of a claim then."""
        self._ends_at = time.perf_counter() + seconds

    def take(self) -> list[float]:
        """Return the claims since the last call."""
        taken, self._milliseconds = self._milliseconds, []
        return taken


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("form", choices=FORMS)
    parser.add_argument("--claims", action="store_true")
    parser.add_argument("--seconds", type=float, help="end a drain then, or when a claim fails: who asked will see it")
    parser.add_argument("--kinds", action="store_true", help="handle events of sixty further types")
    options = parser.parse_args()
    claims = ClaimTimes()
    if options.claims or options.seconds:
        claims.watch()
    subscribe(options.form, kinds=options.kinds)
    connection.ensure_connection()

    def drain(batch_size: int) -> list[float]:
        if options.seconds:
            claims.end_after(options.seconds)
        try:
            call_command("run_outbox_worker", "--drain", "--batch-size", str(batch_size), stdout=StringIO())
        except (TimeIsUp, CommandError) as end:
            if not options.seconds:
                raise
            print(repr(end), file=sys.stderr)
        return claims.take()

    def run_forever() -> None:
        call_command("run_outbox_worker")

    serve(drain=drain, run_forever=run_forever)


if __name__ == "__main__":
    main()
