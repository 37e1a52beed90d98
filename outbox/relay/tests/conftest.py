"""What tests of the relay share: messages and private brokers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import nats
import pika
import pytest

from dev.brokers.nats import PrivateNats
from dev.brokers.rabbitmq import PrivateRabbit
from outbox.outgoing import key_of
from outbox.relay.messages import Message, message_of
from outbox.relay.nats import STREAM
from outbox.relay.queue import Leaving
from qhse.uuid7 import uuid7

QUEUE = "test"


def forget_rabbit(url: str) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as line:
        line.channel().queue_delete(QUEUE)
        line.channel().exchange_delete("qhse.events")


def forget_nats(url: str) -> None:
    async def forget() -> None:
        line = await nats.connect(url)
        with suppress(nats.js.errors.NotFoundError):
            await line.jetstream().delete_stream(STREAM)
        await line.close()

    asyncio.run(forget())


@pytest.fixture(scope="session")
def rabbit() -> Iterator[PrivateRabbit]:
    # Small, so that a message can be too large for it.
    with PrivateRabbit({"max_message_size": "20000"}) as broker:
        yield broker


@pytest.fixture(scope="session")
def nats_server() -> Iterator[PrivateNats]:
    with PrivateNats() as broker:
        yield broker


def leaving(sequence: int, aggregate: str = "41", event_type: str = "NC_CREATED", **others: object) -> Leaving:
    row = Leaving(
        row=sequence, channel="broker", lane=0, key=key_of("nonconformity", aggregate), attempts=0, replay=0,
        sequence=sequence, event_id=uuid7(), event_type=event_type, schema_version=1, aggregate_type="nonconformity",
        aggregate_id=aggregate, payload='{"nc_id": 41}', headers={"request_id": "r-1", "actor": "ada"},
        occurred_at=datetime(2026, 3, 1, 12, 30, tzinfo=UTC), waited=0.0,
    )  # fmt: skip
    return replace(row, **others)  # type: ignore[arg-type]


def message(sequence: int, aggregate: str = "41", **others: object) -> Message:
    return message_of(leaving(sequence, aggregate, **others))
