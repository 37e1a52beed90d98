"""NATS JetStream: published with acknowledgements to a stream that a command has made."""

from __future__ import annotations

import asyncio
import select
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from nats.aio.client import Client as NatsClient
from nats.errors import MaxPayloadError, NoServersError
from nats.js.errors import APIError, NoStreamResponseError

from outbox.relay.messages import CONTENT_TYPE, Message
from outbox.relay.port import SENDING_SECONDS, BrokerAway, Outcome, in_words
from qhse.broker_url import parse_broker_url

STREAM = "QHSE"
SUBJECTS = "qhse.events.>"
_SUBJECT = "qhse.events."
_PREFIX = "ce-"
CONNECT_SECONDS = 5
"""For each answer until there is a line. All of them have twice as long."""
ANSWER_SECONDS = 10.0
"""Of silence, in which the server acknowledges nothing."""
_A_DAY = 86_400.0
SERVE_SECONDS = 0.25
"""The client answers pings only while its loop runs; so often it gets a turn in a wait."""

T = TypeVar("T")


class NatsPublisher:
    """
    The line to NATS. The client's event loop is turned here, by who publishes or waits.

    The server drops what it has seen within the stream's window under the same `Nats-Msg-Id`. It does not write to the
    disk before it acknowledges, unless it is told to (`sync_interval: always`): what was taken survives a crash of the
    server's process, and of the machine only then.
    """

    name = "nats"

    def __init__(self, url: str) -> None:
        self._url = url
        self._loop: asyncio.AbstractEventLoop | None = None
        self._line: Any = None

    def publish(self, messages: Sequence[Message], outcome: Outcome | None = None) -> Outcome:
        outcome = Outcome() if outcome is None else outcome
        self._run(self._publish(messages, outcome))
        return outcome

    def wait(self, seconds: float, wake: Collection[int]) -> None:
        while seconds > 0:
            if select.select(list(wake), [], [], min(seconds, SERVE_SECONDS))[0]:
                return
            seconds -= SERVE_SECONDS
            if self._loop is not None:
                self._loop.run_until_complete(asyncio.sleep(0))

    def close(self) -> None:
        loop, line, self._loop, self._line = self._loop, self._line, None, None
        if loop is None:
            return
        with suppress(Exception):  # of whatever kind, on a line that is torn: it was to be ended
            if line is not None:
                loop.run_until_complete(asyncio.wait_for(line.close(), 1.0))
        if line is not None:
            line.drop()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        try:
            return self._loop.run_until_complete(work)
        except BrokerAway:
            self.close()
            raise
        except Exception as error:  # the client also raises what it stumbles over when its line is lost meanwhile
            self.close()
            raise BrokerAway(in_words(error)) from error

    async def _publish(self, messages: Sequence[Message], outcome: Outcome) -> None:
        if self._line is None or not self._line.is_connected:
            self._line = await connect(self._url)
        stream = self._line.jetstream(timeout=_A_DAY)  # not of each: the last one waits for all before it
        chains: dict[int, list[Message]] = defaultdict(list)
        for message in messages:
            chains[message.key].append(message)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(ANSWER_SECONDS) as silence, asyncio.TaskGroup() as all_chains:

                def be_patient() -> None:
                    silence.reschedule(loop.time() + ANSWER_SECONDS)

                for chain in chains.values():
                    all_chains.create_task(self._chain(stream, chain, outcome, be_patient))
        except TimeoutError:
            raise TimeoutError(f"waited {ANSWER_SECONDS:.0f} s for acknowledgements") from None

    async def _chain(
        self, stream: Any, chain: Sequence[Message], outcome: Outcome, be_patient: Callable[[], None]
    ) -> None:
        sends_until = time.monotonic() + SENDING_SECONDS
        for message in chain:
            goes_on = await self._send(stream, message, outcome)
            be_patient()  # each answer begins the time anew, because a far server is not away
            if not goes_on or time.monotonic() > sends_until:
                return

    async def _send(self, stream: Any, message: Message, outcome: Outcome) -> bool:
        headers = _headers(message)
        if (size := len(message.body) + _size(headers)) > self._line.max_payload:
            # The client looks at the body alone. The server would end the line, and every other message with it.
            outcome.refused[message.row] = f"it has {size:,} bytes, and the server takes {self._line.max_payload:,}"
            return False
        try:
            await stream.publish(_SUBJECT + message.route, message.body, headers=headers)
        except NoStreamResponseError:
            outcome.declined[message.row] = f"no stream takes {_SUBJECT}{message.route}: run manage.py declare_topology"
        except APIError as error:
            outcome.declined[message.row] = f"the stream declines: {error.code} {error.description}"
        except (MaxPayloadError, ValueError) as error:
            outcome.refused[message.row] = f"it cannot be sent as a message: {error!r}"
        else:
            outcome.taken.append(message.row)
            return True
        return False


async def connect(url: str) -> Any:
    """Return a line to the server, which does not mend itself. Raises BrokerAway, whatever it is that answers."""
    address = parse_broker_url(url)
    name, password = address.user, address.password
    # A name alone is a token.
    who: dict[str, Any] = {"user": name, "password": password} if password else {"token": name} if name else {}
    host = f"[{address.host}]" if ":" in address.host else address.host
    place = f"{'tls' if address.is_encrypted else 'nats'}://{host}:{address.port}"
    line = _Client(address.is_encrypted)
    try:
        # Without its own reconnecting, which would send again what we send again ourselves. A server that refuses lines
        # would be tried 60 times all the same, two seconds apart.
        async with asyncio.timeout(2 * CONNECT_SECONDS):
            await line.connect(
                place, allow_reconnect=False, max_reconnect_attempts=1, reconnect_time_wait=0, error_cb=line.hear,
                connect_timeout=CONNECT_SECONDS, name="qhse-relay", tls=address.context(), **who,
            )  # fmt: skip
        return line
    except Exception as error:  # of whatever kind: it may be no NATS at all
        with suppress(Exception):
            await asyncio.wait_for(line.close(), 1.0)
        line.drop()
        if isinstance(error, BrokerAway):
            raise
        why = in_words(line.heard if isinstance(error, NoServersError) and line.heard else error)
        if line.lacks_tls:
            why = f"the server demands TLS: begin BROKER_URL with tls://, and see cafile ({why})"
        raise BrokerAway(why) from error


class _Client(NatsClient):
    """
    A client that keeps its word about TLS. The original looks at what the server offers alone, which anybody on the way
    can change: it would send name, password and events in clear.
    """

    def __init__(self, is_encrypted: bool) -> None:
        super().__init__()
        self._must_be_encrypted = is_encrypted
        self.heard: Exception | None = None
        """What went wrong last. Of a server that cannot be reached, the client raises only that there is none."""

    async def hear(self, error: Exception) -> None:
        self.heard = error

    @property
    def lacks_tls(self) -> bool:
        """Whether the server has demanded TLS of a plain scheme, and the line did not get it."""
        return not self._must_be_encrypted and bool(self._server_info.get("tls_required")) and not self._is_encrypted

    @property
    def _writer(self) -> asyncio.StreamWriter | None:
        return getattr(self._transport, "_io_writer", None)

    @property
    def _is_encrypted(self) -> bool:
        writer = self._writer
        return writer is not None and writer.get_extra_info("ssl_object") is not None

    def drop(self) -> None:
        """Let go of the socket. Where nobody reads any more, closing would wait until everything is written."""
        if (writer := self._writer) is not None:
            writer.transport.abort()

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        """Take an offer of TLS for a demand, where we want it."""
        if self._must_be_encrypted and info.get("tls_available"):
            info["tls_required"] = True
        await super()._process_info(info, initial_connection)

    def _connect_command(self) -> bytes:
        """Return what is said first and holds the password. Raises BrokerAway where that would go in clear."""
        if self._must_be_encrypted and not self._is_encrypted:
            raise BrokerAway("the server offers no TLS, which tls:// demands: nothing was sent to it")
        command: bytes = super()._connect_command()
        return command


def _size(headers: dict[str, str]) -> int:
    """Return how many bytes the client makes of headers: a first line, a line each, and an empty one."""
    return len("NATS/1.0\r\n\r\n") + sum(len(f"{name}: {value}\r\n".encode()) for name, value in headers.items())


def _headers(message: Message) -> dict[str, str]:
    attributes = {_PREFIX + name: value for name, value in message.attributes.items()}
    # A replay is sent on purpose: under the same id the server would drop it while it remembers the first.
    replay = message.headers.get("qhse_replay")
    sent_as = f"{message.message_id}/{replay}" if replay else message.message_id
    return attributes | message.headers | {"Nats-Msg-Id": sent_as, "content-type": CONTENT_TYPE}
