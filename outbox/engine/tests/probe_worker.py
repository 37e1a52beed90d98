"""
The real worker command with one more handler. The handler's effects can be counted. Tests that kill processes use it.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import sys
import time
from contextlib import suppress

import django

from qhse.env import choose_settings

choose_settings()
django.setup()

from django.core.management import call_command  # noqa: E402 (needs the apps)
from django.db import connection  # noqa: E402

from outbox.registry import Delivery, handles  # noqa: E402
from outbox.tests.gauges import GaugeCalibrated, Misdeed, leave_effect  # noqa: E402


def _sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _spin() -> None:
    while True:
        pass


def _swallow_and_spin() -> None:
    while True:
        with suppress(Exception):
            time.sleep(1000)


MISDEEDS = {
    Misdeed.EXIT: lambda: os._exit(3),
    Misdeed.SEGFAULT: lambda: ctypes.string_at(0),  # a segmentation fault
    Misdeed.SLEEP: lambda: time.sleep(1000),
    Misdeed.SLEEP_IN_SQL: lambda: _sql("SELECT pg_sleep(1000)"),
    Misdeed.SPIN: _spin,
    Misdeed.HANG_IN_C: lambda: sum(itertools.repeat(1)),  # in C, where no signal handler runs
    Misdeed.LOSE_CONNECTION: lambda: _sql("SELECT pg_terminate_backend(pg_backend_pid())"),
    Misdeed.SWALLOW: _swallow_and_spin,
}


def misbehave(delivery: Delivery) -> None:
    leave_effect(delivery)
    reading = delivery.event.reading  # type: ignore[attr-defined]
    if reading in MISDEEDS:
        MISDEEDS[reading]()


if __name__ == "__main__":
    from outbox.events import register

    register(GaugeCalibrated)
    handles(GaugeCalibrated, name="test.effect")(misbehave)
    call_command("run_outbox_worker", *sys.argv[1:])
