"""A broker that is far away, but answers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from dev.waiting import wait_until
from outbox.relay import nats, rabbitmq
from outbox.relay.brokers import publisher_of
from outbox.relay.port import BrokerAway, BrokerPublisher, Outcome
from outbox.relay.tests.conftest import QUEUE, forget_nats, forget_rabbit, message
from outbox.relay.topology import declare

pytestmark = pytest.mark.broker

MODULES = {"rabbit": rabbitmq, "nats_server": nats}
ONE_WAY = 0.05


class Far:
    """A way to a port of this machine that takes ONE_WAY. It can be `silent`: then nothing comes back any more."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.silent = False
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._started.wait(10)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        self._loop.run_forever()
        server.close()
        for writer in self._writers:
            writer.transport.abort()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.close()

    async def _serve(self, near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        far, to_far = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers += [to_near, to_far]
        await asyncio.gather(self._carry(near, to_far, False), self._carry(far, to_near, True))

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, is_back: bool) -> None:
        while data := await source.read(65_536):
            if not (is_back and self.silent):
                self._loop.call_later(ONE_WAY, target.write, data)
        self._loop.call_later(ONE_WAY, target.close)


@contextmanager
def line_to(url: str, port: int) -> Iterator[tuple[BrokerPublisher, Far]]:
    far = Far(port)
    publisher = publisher_of(url.replace(str(port), str(far.port)))
    yield publisher, far
    publisher.close()
    far.close()


@pytest.fixture(params=["rabbit", "nats_server"])
def far_broker(request, monkeypatch) -> Iterator[tuple[BrokerPublisher, Far]]:
    server = request.getfixturevalue(request.param)
    declare(server.url, queue=QUEUE, bindings=["#"], max_length=None)
    monkeypatch.setattr(MODULES[request.param], "ANSWER_SECONDS", 1.5)
    with line_to(server.url, server.port) as line:
        yield line
    (forget_rabbit if request.param == "rabbit" else forget_nats)(server.url)


def test_is_not_away_while_it_answers(far_broker, monkeypatch):
    for each in MODULES.values():
        monkeypatch.setattr(each, "SENDING_SECONDS", 60.0)
    sent = [message(number, "41") for number in range(1, 31)]

    outcome = Outcome()
    with suppress(BrokerAway):
        far_broker[0].publish(sent, outcome)
    assert outcome.taken == list(range(1, 31))


def test_is_sent_no_more_of_a_batch_after_a_while(far_broker, monkeypatch):
    for each in MODULES.values():
        monkeypatch.setattr(each, "SENDING_SECONDS", 0.3)
    outcome = far_broker[0].publish([message(number, "41") for number in range(1, 31)])

    assert 1 <= len(outcome.taken) < 30 and outcome.taken == list(range(1, len(outcome.taken) + 1))
    assert not outcome.declined and not outcome.refused


def test_that_falls_silent_is_away_and_what_it_has_confirmed_is_known(far_broker):
    publisher, far = far_broker
    outcome, lost = Outcome(), []

    def publish() -> None:
        with suppress(BrokerAway):
            publisher.publish([message(number, "41") for number in range(1, 101)], outcome)
            return
        lost.append(True)

    thread = threading.Thread(target=publish)
    thread.start()
    wait_until(lambda: outcome.known >= 3, what="confirms")
    far.silent = True
    thread.join(20)

    assert lost and 3 <= len(outcome.taken) < 100
    assert outcome.taken == list(range(1, len(outcome.taken) + 1))
