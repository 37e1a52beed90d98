"""
The laboratory's handlers. Their effects can be counted, and they misbehave on demand.

The table of effects has no constraint: a second effect must be seen, not refused.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from django.db import DatabaseError, connection

from lab.chaos.instruments.effects import EACH, TOGETHER
from lab.gauge import GaugeRead
from outbox.events import register
from outbox.registry import Delivery, handles, handles_batch

register(GaugeRead)

ALWAYS_FAIL = ("fail", "dangle", "abort", "quit", "unspeakable")


class Misbehaved(Exception):
    """The handler was told to fail."""


class Unspeakable(Exception):
    """An error that cannot be shown."""

    def __repr__(self) -> str:
        raise Misbehaved("no words")

    __str__ = __repr__


class Conduct:
    """
    Whether this process freezes or dies when an event tells it to. Each event may do it once.

    `deaths` is a directory. Who dies leaves the event's id there, so that it kills one process and no other.
    """

    may_freeze = False
    deaths: Path | None = None
    frozen: ClassVar[set[str]] = set()


@handles(GaugeRead, name=EACH)
def leave_effect(delivery: Delivery) -> None:
    """Write one effect, then do what the event says."""
    _write(EACH, [delivery])
    event = delivery.event
    assert isinstance(event, GaugeRead)
    if event.conduct:
        _behave(event, delivery)


@handles_batch(GaugeRead, name=TOGETHER)
def leave_effects(deliveries: Sequence[Delivery]) -> None:
    """Write the effects of many events with one statement."""
    _write(TOGETHER, deliveries)
    for delivery in deliveries:
        event = delivery.event
        assert isinstance(event, GaugeRead)
        word, _, number = event.conduct.partition(":")
        if word == "fail-together" and _attempts(delivery) < int(number):
            raise Misbehaved(event.conduct)


def _write(handler: str, deliveries: Sequence[Delivery]) -> None:
    columns: tuple[list[object], ...] = ([], [], [])
    for delivery in deliveries:
        event = delivery.event
        assert isinstance(event, GaugeRead)
        for column, value in zip(columns, (delivery.event_id, event.gauge, event.position), strict=True):
            column.append(value)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO chaos_effect (handler, event_id, aggregate_id, position) "
            "SELECT %s, * FROM unnest(%s::uuid[], %s::text[], %s::bigint[])",
            [handler, *columns],
        )


def _behave(event: GaugeRead, delivery: Delivery) -> None:
    word, _, argument = event.conduct.partition(":")
    if word == "fail" and (not argument or _attempts(delivery) < int(argument)):
        raise Misbehaved(event.conduct)
    if word == "dangle":  # a foreign key to nothing, which Django lets the server find in the COMMIT
        _execute("INSERT INTO chaos_hole VALUES (0)")
    if word == "abort":  # swallows an error of the database, and goes on in an aborted transaction
        with suppress(DatabaseError):
            _execute("SELECT 1 / 0")
    if word == "quit":
        sys.exit(0)
    if word == "unspeakable":
        raise Unspeakable
    if word == "slow":
        time.sleep(float(argument))
    if word == "die" and Conduct.deaths and _is_first(Conduct.deaths / str(delivery.event_id)):
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "freeze" and Conduct.may_freeze and str(delivery.event_id) not in Conduct.frozen:
        Conduct.frozen.add(str(delivery.event_id))
        os.kill(os.getpid(), signal.SIGSTOP)


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _is_first(path: Path) -> bool:
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _attempts(delivery: Delivery) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT attempts FROM outbox_outboxevent WHERE event_id = %s", [delivery.event_id])
        attempts: int = cursor.fetchone()[0]
        return attempts
