"""What the broker must hold before anything is published: made by a command, once, by somebody who may."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pika
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

from outbox.relay.port import BrokerAway, in_words
from outbox.relay.rabbitmq import CONNECT_SECONDS, EXCHANGE, parameters_of, why_away
from qhse.broker_url import RABBITMQ, BrokerAddress, parse_broker_url

DEAD_LETTERS = f"{EXCHANGE}.dead"
DELIVERIES = 20
"""Deliveries of one message to a consumer that fails, after which it is among the dead letters and stops no other."""
DUPLICATE_WINDOW_SECONDS = 120
NANOSECONDS = 1_000_000_000
NO_STREAM = 10_059
"""The server's number for a stream that is not there."""


def declare(url: str, *, queue: str, bindings: list[str], max_length: int | None) -> list[str]:
    """
    Make the exchange or stream, and a queue for what is published. Return in words what is there now.

    It may be repeated. Of a stream that is there, only what is asked for is changed. Bindings add up: AMQP cannot list
    them, so none is taken away. Raises BrokerAway, also when something of the same name is there that is different.
    """
    address = parse_broker_url(url)
    if address.broker == RABBITMQ:
        return _declare_rabbitmq(address, queue, bindings, max_length)
    return asyncio.run(_declare_nats(url, max_length))


def _declare_rabbitmq(address: BrokerAddress, queue: str, bindings: list[str], max_length: int | None) -> list[str]:
    parameters = parameters_of(address)
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
    except (AMQPError, AMQPConnectorException, OSError) as error:
        raise BrokerAway(why_away(error)) from error
    return [
        f"exchange {EXCHANGE}, topic, durable",
        f"queue {queue}, quorum, bound to {', '.join(bindings)}, beside what it was bound to before "
        "(rabbitmqctl list_bindings)",
        f"dead letters in {DEAD_LETTERS}, after {DELIVERIES} deliveries",
    ]


async def _declare_nats(url: str, max_length: int | None) -> list[str]:
    from nats.errors import Error as NatsError

    from outbox.relay.nats import STREAM, connect

    try:
        line = await connect(url)
        try:
            stream = await _stream_on(line, max_length)
        finally:
            await line.close()
    except (TimeoutError, NatsError, OSError, ValueError) as error:
        raise BrokerAway(in_words(error)) from error
    window = stream.get("duplicate_window", 0) / NANOSECONDS
    done = [f"stream {STREAM}, on disk, of {', '.join(stream['subjects'])}; it knows ids again for {window:g} s"]
    if stream.get("discard") != "new":
        done.append("when it is full it drops the oldest message, read or not: its discard policy should be new")
    return done


async def _stream_on(line: Any, max_length: int | None) -> dict[str, Any]:
    """
    Make the stream, or change what is asked for in the one that is there. Return its configuration.

    In the server's own words: the client's classes leave out what they do not know, and the server would take that for
    its default.
    """
    from outbox.relay.nats import STREAM, SUBJECTS

    asked: dict[str, Any] = {"storage": "file"} | ({"max_msgs": max_length} if max_length else {})
    answer = await _ask_nats(line, "INFO", {})
    if answer.get("error", {}).get("err_code") == NO_STREAM:
        new = {
            "name": STREAM,
            "subjects": [SUBJECTS],
            "retention": "limits",
            "discard": "new",  # old would drop what nobody has read, and acknowledge
            "duplicate_window": DUPLICATE_WINDOW_SECONDS * NANOSECONDS,
        }
        return _configuration(await _ask_nats(line, "CREATE", new | asked))
    present = _configuration(answer)
    others = [each for each in present.get("subjects", []) if not each.startswith(SUBJECTS.removesuffix(">"))]
    if SUBJECTS not in present.get("subjects", []):
        asked["subjects"] = [*others, SUBJECTS]
    if present | asked == present:
        return present
    return _configuration(await _ask_nats(line, "UPDATE", present | asked))


async def _ask_nats(line: Any, verb: str, document: dict[str, Any]) -> dict[str, Any]:
    from outbox.relay.nats import ANSWER_SECONDS, STREAM

    body = json.dumps(document).encode() if document else b""
    answer: dict[str, Any] = json.loads(
        (await line.request(f"$JS.API.STREAM.{verb}.{STREAM}", body, timeout=ANSWER_SECONDS)).data
    )
    return answer


def _configuration(answer: dict[str, Any]) -> dict[str, Any]:
    """Return a stream's configuration out of an answer. Raises BrokerAway for a refusal."""
    if error := answer.get("error"):
        raise BrokerAway(f"the server refuses the stream: {error.get('code')} {error.get('description')}"[:300])
    configuration: dict[str, Any] = answer["config"]
    return configuration
