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
from typing import Any, ClassVar

from django.db import DatabaseError, connection, transaction

from lab.chaos.instruments.effects import BOTH, CALIBRATE, CERTIFY, COUNT, EACH, TOGETHER
from lab.gauge import GaugeCalibrated, GaugeCertified, GaugeCounted, GaugeRead
from outbox.events import register
from outbox.registry import Delivery, handles, handles_batch
from suppliers.models import Supplier

for kind in (GaugeRead, GaugeCalibrated, GaugeCertified, GaugeCounted):
    register(kind)

ALWAYS_FAIL = (
    "fail", "dangle", "abort", "quit", "unspeakable", "swallow", "swallow-together", "rollback", "commit",
)  # fmt: skip


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
    _behave(delivery)


@handles_batch(GaugeRead, name=TOGETHER)
def leave_effects(deliveries: Sequence[Delivery]) -> None:
    """Write the effects of many events with one statement."""
    _write(TOGETHER, deliveries)
    _behave_together(deliveries)


@handles_batch(GaugeCalibrated, name=CALIBRATE)
def calibrate(deliveries: Sequence[Delivery]) -> None:
    """Write the effects that `certify` counts."""
    _write(CALIBRATE, deliveries)


@handles(GaugeCertified, name=CERTIFY)
def certify(delivery: Delivery) -> None:
    """Write one effect, with the number of calibrations that it finds."""
    _write(CERTIFY, [delivery])
    _execute(
        "UPDATE chaos_effect f SET calibrations = (SELECT count(*) FROM chaos_effect c WHERE c.handler = %s "
        "AND c.aggregate_id = f.aggregate_id) WHERE f.event_id = %s AND f.handler = %s",
        [CALIBRATE, delivery.event_id, CERTIFY],
    )
    _behave(delivery)


@handles_batch(GaugeCalibrated, GaugeCertified, name=BOTH)
def leave_effects_of_both(deliveries: Sequence[Delivery]) -> None:
    """Write the effects of two types of events."""
    _write(BOTH, deliveries)
    _behave_together(deliveries)


@handles_batch(GaugeCounted, name=COUNT)
def count(deliveries: Sequence[Delivery]) -> None:
    """Write the effects of many events with one statement, and nothing else."""
    _write(COUNT, deliveries)


def _behave_together(deliveries: Sequence[Delivery]) -> None:
    for delivery in deliveries:
        word, _, number = _conduct(delivery).partition(":")
        if word == "fail-together" and _attempts(delivery) < int(number):
            raise Misbehaved(_conduct(delivery))
        if word == "swallow-together":
            _swallow_an_error()


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


def _behave(delivery: Delivery) -> None:
    word, _, argument = _conduct(delivery).partition(":")
    if not word:
        return
    if word == "fail" and (not argument or _attempts(delivery) < int(argument)):
        raise Misbehaved(_conduct(delivery))
    if word == "dangle":  # a foreign key to nothing, which Django lets the server find in the COMMIT
        _execute("INSERT INTO chaos_hole VALUES (0)")
    if word == "abort":  # swallows an error of the database, and goes on in an aborted transaction
        with suppress(DatabaseError):
            _execute("SELECT 1 / 0")
    if word == "swallow":
        _swallow_an_error()
    if word in ("rollback", "commit"):
        _execute(word)
    if word == "hook":
        transaction.on_commit(_misbehave)
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


def _conduct(delivery: Delivery) -> str:
    assert isinstance(delivery.event, GaugeRead)
    return delivery.event.conduct


def _swallow_an_error() -> None:
    """Pass over an error that never reached the server. Django then wants a rollback."""
    with suppress(ValueError):
        Supplier(nc_total="many").save()


def _misbehave() -> None:
    raise Misbehaved("in on_commit")


def _execute(statement: str, parameters: Sequence[Any] = ()) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)


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
