"""RabbitMQ: published with confirms to a durable topic exchange. The topology is declared by a command, not here."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any

import pika
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError, ChannelClosedByBroker, ConnectionClosedByBroker, IncompatibleProtocolError

from outbox.relay.messages import CONTENT_TYPE, Message
from outbox.relay.port import SENDING_SECONDS, BrokerAway, Outcome, in_words
from qhse.broker_url import BrokerAddress, parse_broker_url

EXCHANGE = "qhse.events"
CONNECT_SECONDS = 10.0
"""For the line, and then for each answer until there is a channel."""
ANSWER_SECONDS = 15.0
"""Of silence, in which the broker confirms nothing. A quorum queue that elects a new leader takes a few seconds."""
HEARTBEAT_SECONDS = 8
"""A broker that says nothing for three of these is away. Half of a minute's grace would be half a minute of silence."""
BLOCKED_SECONDS = 6
"""Time in an alarm of the broker before the line is given up and tried anew. Without it, pika waits for ever."""
_FAULTS_OF_MESSAGES = (311, 406, 501, 502, 503, 505)
"""Too large, refused by a condition, and what cannot be read. Others are about the broker, the exchange or rights."""
_PREFIX = "cloudEvents_"  # of the two prefixes of the AMQP binding, the one that every client can read


def parameters_of(address: BrokerAddress) -> pika.ConnectionParameters:
    """Return what an address says. Raises BrokerAway while its files do not serve: somebody may be renewing them."""
    who = {"credentials": pika.PlainCredentials(address.user, address.password)} if address.user else {}
    try:
        context = address.context()
    except ValueError as error:
        raise BrokerAway(f"BROKER_URL: {error}") from None
    return pika.ConnectionParameters(
        address.host, address.port, address.vhost,
        ssl_options=pika.SSLOptions(context, address.host) if context else None, **who,
    )  # fmt: skip


class RabbitPublisher:
    """
    The line to RabbitMQ. It is pika's SelectConnection, whose loop is turned here: no threads, and hundreds in flight.

    Each message is persistent and mandatory. So one that no queue wants comes back, before its confirm.
    """

    name = "rabbitmq"

    def __init__(self, url: str, exchange: str = EXCHANGE) -> None:
        self._address = parse_broker_url(url)
        self._exchange = exchange
        self._line: Any = None
        self._channel: Any = None
        self._gone: Exception | None = None
        self._sent = 0  # the broker counts what comes through a channel, and confirms by that number
        self._batch = _Batch((), Outcome())
        self._patience = self._ends_at = 0.0

    def publish(self, messages: Sequence[Message], outcome: Outcome | None = None) -> Outcome:
        self._open()
        self._batch = batch = _Batch(messages, Outcome() if outcome is None else outcome)
        for message in batch.heads():
            self._send(message)
        try:
            self._turn(lambda: batch.is_done, ANSWER_SECONDS, "confirms")
        except BrokerAway as away:
            culprit = batch.culprit(away.__cause__)
            if culprit is None:
                raise
            batch.outcome.refused[culprit.row] = str(away)
        return batch.outcome

    def wait(self, seconds: float, wake: Collection[int]) -> None:
        self._open()
        heard: list[int] = []
        loop = self._line.ioloop
        for descriptor in wake:
            loop.add_handler(descriptor, lambda fd, events: heard.append(fd), loop.READ)
        try:
            self._turn(lambda: bool(heard), seconds)
        finally:
            if self._line is not None:  # a line that was lost meanwhile has taken its loop with it
                for descriptor in wake:
                    loop.remove_handler(descriptor)

    def close(self) -> None:
        line, self._line, self._channel = self._line, None, None
        if line is None:
            return
        try:
            if line.is_open:
                line.close()
                ends_at = time.monotonic() + 0.5
                while not line.is_closed and time.monotonic() < ends_at:
                    self._once(line, 0.1)
        except (AMQPError, OSError):
            pass  # it was to be ended
        finally:
            self._drop(line)

    def _drop(self, line: Any) -> None:
        """Let go of the socket. Of a broker that has fallen silent, the client would wait for the last word."""
        with suppress(AMQPError, AMQPConnectorException, OSError, AssertionError):
            if line._transport is not None:
                line._transport.abort()
            elif line._connection_workflow is not None:  # it is still agreeing on TLS
                line._connection_workflow.abort()
            self._once(line, 0.0)
        line.ioloop.deactivate_poller()
        line.ioloop.close()

    def _open(self) -> None:
        if self._channel is not None and self._channel.is_open:
            return
        self.close()
        self._gone, self._sent = None, 0
        try:
            self._line = pika.SelectConnection(
                self._parameters(),
                on_open_callback=self._met,
                on_open_error_callback=self._lost,
                on_close_callback=self._lost,
            )
        except OSError as error:  # no descriptor is left for its loop
            raise BrokerAway(why_away(error, self._exchange)) from error
        self._line.ioloop.activate_poller()
        self._turn(lambda: self._channel is not None, CONNECT_SECONDS, "the connection")

    def _parameters(self) -> pika.ConnectionParameters:
        parameters = parameters_of(self._address)
        parameters.heartbeat = HEARTBEAT_SECONDS
        parameters.blocked_connection_timeout = BLOCKED_SECONDS
        parameters.socket_timeout = CONNECT_SECONDS / 2
        parameters.stack_timeout = CONNECT_SECONDS
        parameters.client_properties = {"connection_name": "qhse-relay"}
        return parameters

    def _met(self, line: Any) -> None:
        self._be_patient()
        line.channel(on_open_callback=self._opened)

    def _opened(self, channel: Any) -> None:
        self._be_patient()
        channel.add_on_close_callback(self._lost)
        channel.add_on_return_callback(self._returned)
        channel.confirm_delivery(self._confirmed)

        def found(frame: object) -> None:
            self._channel = channel

        # Whoever may publish need not be allowed to declare. Missing, it closes the channel with a clear reason.
        channel.exchange_declare(self._exchange, passive=True, callback=found)

    def _lost(self, where: object, reason: Exception) -> None:
        self._gone = self._gone or reason

    def _turn(self, done: Callable[[], bool], seconds: float, awaited: str = "") -> None:
        """
        Turn the loop until it is done, or time is up: that is a failure if something is `awaited`. Each answer of the
        broker begins the time anew, because a far one is not away.
        """
        self._patience = seconds
        self._be_patient()
        while self._gone is None and not done():
            left = self._ends_at - time.monotonic()
            if left <= 0:
                if awaited:
                    self._give_up(TimeoutError(f"waited {seconds:.0f} s for {awaited}"))
                return
            self._once(self._line, left)
        if self._gone is not None:
            self._give_up(self._gone)

    def _be_patient(self) -> None:
        self._ends_at = time.monotonic() + self._patience

    def _once(self, line: Any, seconds: float) -> None:
        handle = line.ioloop.call_later(seconds, lambda: None)
        line.ioloop.poll()
        line.ioloop.process_timeouts()
        line.ioloop.remove_timeout(handle)

    def _give_up(self, reason: Exception) -> None:
        self.close()
        raise BrokerAway(why_away(reason, self._exchange)) from reason

    def _send(self, message: Message) -> None:
        try:
            properties = _properties(message)
            self._channel.basic_publish(self._exchange, message.route, message.body, properties, mandatory=True)
        except (AMQPError, ValueError, TypeError) as error:
            if self._gone is not None or not self._channel.is_open:
                return  # the loop says why
            self._batch.refuse(message, f"it cannot be written as a message: {error!r}")
        else:
            self._sent += 1
            self._batch.sent(self._sent, message)

    def _returned(self, channel: object, method: Any, properties: Any, body: bytes) -> None:
        self._batch.returned[properties.message_id] = f"{method.reply_text}: no queue is bound for {method.routing_key}"

    def _confirmed(self, frame: Any) -> None:
        self._be_patient()
        method = frame.method
        for message in self._batch.confirmed(method.delivery_tag, method.multiple, is_nack="Nack" in method.NAME):
            self._send(message)


def _properties(message: Message) -> pika.BasicProperties:
    return pika.BasicProperties(
        content_type=CONTENT_TYPE,
        delivery_mode=pika.DeliveryMode.Persistent.value,
        message_id=message.message_id,
        type=message.attributes["type"],
        headers={_PREFIX + name: value for name, value in message.attributes.items()} | message.headers,
    )


def why_away(reason: Exception, exchange: str = EXCHANGE) -> str:
    """Return why the line is not there, in words that say what to mend."""
    if isinstance(reason, ChannelClosedByBroker) and reason.reply_code == 404:
        return f"the broker has no exchange {exchange}: run manage.py declare_topology ({reason.reply_text})"
    if isinstance(reason, (ChannelClosedByBroker, ConnectionClosedByBroker)):
        return f"the broker closed the line: {reason.reply_code} {reason.reply_text}"
    if isinstance(reason, IncompatibleProtocolError):
        return f"{in_words(reason)}: it speaks no AMQP at this port, or TLS alone, which needs amqps://"
    return in_words(reason)


class _Batch:
    """What is in flight. Of each key one message at a time, so that none overtakes one that is not taken."""

    def __init__(self, messages: Sequence[Message], outcome: Outcome) -> None:
        self.outcome = outcome
        self._sends_until = time.monotonic() + SENDING_SECONDS
        self.returned: dict[str, str] = {}
        self._queues: dict[int, deque[Message]] = defaultdict(deque)
        self._in_flight: dict[int, Message] = {}  # by tag, which grows
        for message in messages:
            self._queues[message.key].append(message)

    @property
    def is_done(self) -> bool:
        return not self._in_flight

    def heads(self) -> list[Message]:
        """Return the first message of each key, now in nobody's queue."""
        return [queue.popleft() for queue in self._queues.values()]

    def sent(self, tag: int, message: Message) -> None:
        self._in_flight[tag] = message

    def refuse(self, message: Message, why: str) -> None:
        self.outcome.refused[message.row] = why

    def confirmed(self, tag: int, multiple: bool, *, is_nack: bool) -> list[Message]:
        """Note a confirm of the broker, and return what may go now that its predecessors were taken."""
        tags = [each for each in self._in_flight if each <= tag] if multiple else [tag]
        following = []
        for message in [self._in_flight.pop(each) for each in tags if each in self._in_flight]:
            if is_nack:
                self.outcome.declined[message.row] = "the broker takes no more: a queue is full, or its leader is away"
            elif why := self.returned.pop(message.message_id, None):
                self.outcome.declined[message.row] = why
            else:
                self.outcome.taken.append(message.row)
                if (queue := self._queues[message.key]) and time.monotonic() < self._sends_until:
                    following.append(queue.popleft())
        return following

    def culprit(self, reason: BaseException | None) -> Message | None:
        """Return the message for which the broker has closed the line. With several in flight it could be any."""
        blamed = isinstance(reason, (ChannelClosedByBroker, ConnectionClosedByBroker)) and (
            reason.reply_code in _FAULTS_OF_MESSAGES
        )
        return next(iter(self._in_flight.values())) if blamed and len(self._in_flight) == 1 else None
