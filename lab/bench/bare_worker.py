"""
The raw loop with the product's handlers: what Django and the ORM of handlers cost, and nothing of the engine.

It promises no more than the raw loop does. `python -m lab.bench.bare_worker FORM` obeys `lab.bench.crew`.
"""

from __future__ import annotations

import gc
import json
import sys
from typing import Any

import django

from qhse.env import choose_settings

choose_settings()
django.setup()

import psycopg  # noqa: E402 (what follows needs the apps)
from django.db import connection, transaction  # noqa: E402

from lab.bench.raw_worker import CLAIM, MARK, REMEMBER  # noqa: E402
from lab.bench.subject import keep_reading, keep_readings  # noqa: E402
from lab.bench.worker_protocol import serve  # noqa: E402
from lab.gauge import GaugeRead  # noqa: E402
from outbox.registry import Delivery  # noqa: E402


def drain(batch_size: int, *, in_batches: bool) -> None:
    """Handle batches until nothing is due."""
    while _handle_batch(batch_size, in_batches=in_batches):
        pass


def _handle_batch(batch_size: int, *, in_batches: bool) -> int:
    with transaction.atomic():
        connection.ensure_connection()
        line: Any = connection.connection
        line.prepare_threshold = 1
        cursor = psycopg.Cursor(line)
        events = cursor.execute(CLAIM, (batch_size,)).fetchall()
        if not events:
            return 0
        cursor.execute(REMEMBER, ([event[1] for event in events],))
        # Django's connections give JSON as text.
        deliveries = [Delivery(GaugeRead.from_payload(json.loads(each[4])), each[1], "", each[6]) for each in events]
        if in_batches:
            keep_readings(deliveries)
        else:
            for delivery in deliveries:
                keep_reading(delivery)
        cursor.execute(MARK, ([event[0] for event in events],))
    return len(events)


def _run_forever() -> None:
    raise NotImplementedError("it only drains")


if __name__ == "__main__":
    # As the product's worker has it: statements are planned once, and few looks for cycles.
    connection.settings_dict["OPTIONS"]["server_side_binding"] = True
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    form = sys.argv[1]
    serve(drain=lambda batch_size: drain(batch_size, in_batches=form == "set-based"), run_forever=_run_forever)
