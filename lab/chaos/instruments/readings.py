"""Publishes the laboratory's events, and notes that they are stored."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from dev.waiting import Stalled
from lab.chaos.instruments.laboratory import Laboratory
from lab.chaos.instruments.ledger import Account, Told
from lab.gauge import GaugeRead
from outbox.publisher import publish_all

Reading = tuple[str, int, str]
"""Gauge, position and conduct."""


def publish_readings(readings: Sequence[Reading]) -> list[str]:
    """Publish in one transaction of this process. Return the tokens by which the checker knows them."""
    with transaction.atomic():
        publish_all(
            [(GaugeRead(gauge=gauge, position=at, conduct=conduct), None) for gauge, at, conduct in readings],
            actor=None,
        )
    return [token_of(reading) for reading in readings]


def token_of(reading: Reading) -> str:
    return f"{reading[0]}/{reading[1]}"


def store(lab: Laboratory, account: Account, readings: Sequence[Reading]) -> None:
    """Publish from a child, so that this process stays without connections. Note them as acknowledged."""
    child = lab.fork("publisher", lambda: publish_readings(readings))
    if child.wait(60) != 0:
        raise Stalled(f"the events could not be published: {child.last_words()}")
    for reading in readings:
        account.note("reading", token_of(reading), Told.ACKNOWLEDGED)
