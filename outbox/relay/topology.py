"""What the broker must hold before anything is published: made by a command, once, by somebody who may."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import pika
from pika.exceptions import AMQPError

from outbox.relay.port import BrokerAway
from outbox.relay.rabbitmq import CONNECT_SECONDS, EXCHANGE, parameters_of

DEAD_LETTERS = f"{EXCHANGE}.dead"
DELIVERIES = 20
"""Deliveries of one message to a consumer that fails, after which it is among the dead letters and stops no other."""
DUPLICATE_WINDOW_SECONDS = 120


def declare(url: str, *, queue: str, bindings: list[str], max_length: int | None) -> list[str]:
    """
    Make the exchange or stream, and a queue for what is published. Return in words what is there now.

    It may be repeated. Raises BrokerAway, also when something of the same name is there that is different.
    """
    if urlsplit(url).scheme in ("amqp", "amqps"):
        return _declare_rabbitmq(url, queue, bindings, max_length)
    return asyncio.run(_declare_nats(url, max_length))


def _declare_rabbitmq(url: str, queue: str, bindings: list[str], max_length: int | None) -> list[str]:
    parameters = parameters_of(url)
    parameters.socket_timeout = parameters.blocked_connection_timeout = parameters.stack_timeout = CONNECT_SECONDS
    arguments: dict[str, Any] = {
        "x-queue-type": "quorum",  # stored on the disks of most nodes before it is confirmed
        "x-overflow": "reject-publish",  # the default drops the oldest, and confirms
        "x-delivery-limit": DELIVERIES,
        "x-dead-letter-exchange": DEAD_LETTERS,
        "x-dead-letter-strategy": "at-least-once",
    } | ({"x-max-length": max_length} if max_length else {})
    try:
        with pika.BlockingConnection(parameters) as line:
            channel = line.channel()
            channel.exchange_declare(EXCHANGE, "topic", durable=True)
            channel.exchange_declare(DEAD_LETTERS, "fanout", durable=True)
            channel.queue_declare(DEAD_LETTERS, durable=True, arguments={"x-queue-type": "quorum"})
            channel.queue_bind(DEAD_LETTERS, DEAD_LETTERS)
            channel.queue_declare(queue, durable=True, arguments=arguments)
            for key in bindings:
                channel.queue_bind(queue, EXCHANGE, key)
    except (AMQPError, OSError) as error:
        raise BrokerAway(f"{type(error).__name__}: {error}"[:300]) from error
    return [
        f"exchange {EXCHANGE}, topic, durable",
        f"queue {queue}, quorum, bound to {', '.join(bindings)}",
        f"dead letters in {DEAD_LETTERS}, after {DELIVERIES} deliveries",
    ]


async def _declare_nats(url: str, max_length: int | None) -> list[str]:
    from nats.errors import Error as NatsError
    from nats.js.api import DiscardPolicy, StorageType, StreamConfig

    from outbox.relay.nats import STREAM, SUBJECTS, connect

    stream = StreamConfig(
        name=STREAM,
        subjects=[SUBJECTS],
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW,  # OLD would drop what nobody has read, and acknowledge
        max_msgs=max_length or -1,
        duplicate_window=DUPLICATE_WINDOW_SECONDS,
    )
    try:
        line = await connect(url)
        try:
            context = line.jetstream()
            try:
                await context.add_stream(stream)
            except NatsError:
                await context.update_stream(stream)
        finally:
            await line.close()
    except (TimeoutError, NatsError, OSError) as error:
        raise BrokerAway(f"{type(error).__name__}: {error}"[:300]) from error
    return [f"stream {STREAM}, on disk, of {SUBJECTS}; it knows ids again for {DUPLICATE_WINDOW_SECONDS} s"]
