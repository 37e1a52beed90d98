"""Both brokers through the same port, on servers of our own."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import nats
import pika
import pytest

from dev.brokers.nats import PrivateNats
from dev.brokers.rabbitmq import PrivateRabbit
from outbox.relay.brokers import publisher_of
from outbox.relay.nats import STREAM
from outbox.relay.port import BrokerAway, BrokerPublisher
from outbox.relay.tests.conftest import QUEUE, forget_nats, forget_rabbit, message
from outbox.relay.topology import declare

pytestmark = pytest.mark.broker


@dataclass
class Broker:
    """One kind of broker, with what is published to it and how it is read."""

    url: str
    publisher: BrokerPublisher
    declare: Callable[..., None]
    received: Callable[[], list[tuple[str, bytes]]]
    restart: Callable[[], None]
    cut: Callable[[], None]
    """End all lines. What is stored is not touched."""


def declared(url: str, **changes: Any) -> None:
    declare(url, **{"queue": QUEUE, "bindings": ["#"], "max_length": None} | changes)


def read_rabbit(url: str) -> list[tuple[str, bytes]]:
    found = []
    with pika.BlockingConnection(pika.URLParameters(url)) as line:
        channel = line.channel()
        while (got := channel.basic_get(QUEUE, auto_ack=True))[0] is not None:
            found.append((got[1].message_id, got[2]))
    return found


def read_nats(url: str) -> list[tuple[str, bytes]]:
    async def read() -> list[tuple[str, bytes]]:
        line = await nats.connect(url)
        found, manager = [], line.jetstream()
        state = (await manager.stream_info(STREAM)).state
        for number in range(state.first_seq, state.last_seq + 1):
            stored = await manager.get_msg(STREAM, number)
            found.append((stored.headers["ce-id"], stored.data))
        await line.close()
        return found

    return asyncio.run(read())


def configured(url: str, *, made_in: str = "", **changes: Any) -> Any:
    """Change the stream as operators do, with tools of their own. Return its configuration."""

    async def configure() -> Any:
        line = await nats.connect(url)
        manager = line.jetstream()
        if made_in:
            await manager.add_stream(name=STREAM, subjects=["qhse.events.>"], storage=made_in)
        if changes:
            await manager.update_stream((await manager.stream_info(STREAM)).config, **changes)
        found = (await manager.stream_info(STREAM)).config
        await line.close()
        return found

    return asyncio.run(configure())


@pytest.fixture
def on_rabbit(rabbit: PrivateRabbit) -> Iterator[Broker]:
    def restart() -> None:
        rabbit.stop()  # killed within seconds of its making, a quorum queue comes back unreadable
        rabbit.start()

    publisher = publisher_of(rabbit.url)
    yield Broker(
        rabbit.url,
        publisher,
        lambda **changes: declared(rabbit.url, **changes),
        lambda: read_rabbit(rabbit.url),
        restart,
        lambda: rabbit.control("close_all_connections", "by a test"),
    )
    publisher.close()
    forget_rabbit(rabbit.url)


@pytest.fixture
def on_nats(nats_server: PrivateNats) -> Iterator[Broker]:
    def restart() -> None:
        nats_server.kill()
        nats_server.start()

    url = nats_server.url
    publisher = publisher_of(url)
    yield Broker(url, publisher, lambda **changes: declared(url, **changes), lambda: read_nats(url), restart, restart)
    publisher.close()
    forget_nats(url)


@pytest.fixture(params=["on_rabbit", "on_nats"])
def broker(request: pytest.FixtureRequest) -> Broker:
    found: Broker = request.getfixturevalue(request.param)
    return found


class TestEitherBroker:
    def test_has_stored_what_it_is_said_to_have_taken(self, broker):
        broker.declare()
        sent = [message(number, str(number % 7)) for number in range(1, 51)]
        outcome = broker.publisher.publish(sent)
        assert sorted(outcome.taken) == list(range(1, 51))
        assert not outcome.declined and not outcome.refused
        assert sorted(broker.received()) == sorted((each.message_id, each.body) for each in sent)

    def test_keeps_the_order_of_an_aggregate(self, broker):
        broker.declare()
        sent = [message(number, "41") for number in range(1, 21)]
        broker.publisher.publish(sent)
        assert [found for found, _ in broker.received()] == [each.message_id for each in sent]

    def test_is_away_while_nobody_has_declared_where_messages_go_or_declines_them(self, broker):
        try:
            outcome = broker.publisher.publish([message(1)])
        except BrokerAway as away:
            assert "declare_topology" in str(away)
        else:
            assert "declare_topology" in outcome.declined[1] and not outcome.taken

    def test_stores_nothing_twice_that_is_published_once_after_a_restart(self, broker):
        broker.declare()
        broker.publisher.publish([message(1)])
        broker.restart()
        with pytest.raises(BrokerAway):  # the line was cut
            broker.publisher.publish([message(2)])
        assert broker.publisher.publish([message(2)]).taken == [2]
        assert len(broker.received()) == 2

    def test_that_goes_away_during_a_wait_is_found_again(self, broker):
        broker.declare()
        broker.publisher.publish([message(1)])
        left, right = socket.socketpair()
        with left, right:
            broker.cut()
            with suppress(BrokerAway):
                broker.publisher.wait(1, [left.fileno()])
            with suppress(BrokerAway):  # whoever has only heard of it by sending
                broker.publisher.publish([message(2)])
        assert broker.publisher.publish([message(3)]).taken == [3]

    def test_declines_what_does_not_fit_and_sends_none_of_its_aggregate_past_it(self, broker):
        broker.declare(max_length=1)
        outcome = broker.publisher.publish([message(number, "41") for number in range(1, 9)])
        assert outcome.taken and outcome.declined and not outcome.refused
        first_declined = min(outcome.declined)
        assert max(outcome.taken) < first_declined
        # What stands behind it was not tried at all.
        assert len(outcome.taken) + len(outcome.declined) < 8

    def test_that_is_not_there_is_away(self, broker):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            absent = publisher_of(
                broker.url.replace(broker.url.rsplit(":", 1)[1].split("/")[0], str(taken.getsockname()[1]))
            )
            with pytest.raises(BrokerAway):
                absent.publish([message(1)])
            absent.close()

    def test_declaring_again_changes_nothing(self, broker):
        broker.declare()
        broker.publisher.publish([message(1)])
        broker.declare()
        assert len(broker.received()) == 1


class TestRabbit:
    def test_sends_back_what_no_queue_wants(self, on_rabbit):
        on_rabbit.declare(bindings=["nonconformity.NC_CLOSED"])
        outcome = on_rabbit.publisher.publish(
            [message(1, "1"), message(2, "1", event_type="NC_CLOSED"), message(3, "2", event_type="NC_CLOSED")]
        )
        assert "no queue is bound for nonconformity.NC_CREATED" in outcome.declined.get(1, "it was taken")
        assert outcome.taken == [3]  # the second is not sent past the first of its aggregate

    def test_stays_bound_to_what_it_was_bound_to_and_says_so(self, on_rabbit):
        on_rabbit.declare(bindings=["nonconformity.NC_CLOSED"])

        said = declare(on_rabbit.url, queue=QUEUE, bindings=["nonconformity.NC_CREATED"], max_length=None)

        sent = [message(1, "1"), message(2, "2", event_type="NC_CLOSED")]
        assert on_rabbit.publisher.publish(sent).taken == [1, 2]
        assert "bound to nonconformity.NC_CREATED, beside what it was bound to before" in said[1]

    def test_blames_one_message_alone_for_what_it_causes(self, on_rabbit):
        on_rabbit.declare()
        large = message(1, payload=f'"{"x" * 30_000}"')
        outcome = on_rabbit.publisher.publish([large])
        assert "larger than configured max size" in outcome.refused[1]
        assert on_rabbit.publisher.publish([message(2)]).taken == [2]

    def test_blames_none_of_several(self, on_rabbit):
        on_rabbit.declare()
        with pytest.raises(BrokerAway):
            on_rabbit.publisher.publish([message(1, "1", payload=f'"{"x" * 30_000}"'), message(2, "2")])

    def test_says_in_a_wait_that_its_line_is_gone(self, on_rabbit):
        on_rabbit.declare()
        on_rabbit.publisher.publish([message(1)])
        left, right = socket.socketpair()
        with left, right:
            on_rabbit.cut()
            with pytest.raises(Exception) as lost:
                on_rabbit.publisher.wait(60, [left.fileno()])
            assert lost.type is BrokerAway  # any other would end the relay
            on_rabbit.publisher.wait(0.01, [left.fileno()])  # on a new line
        assert on_rabbit.publisher.publish([message(2)]).taken == [2]

    def test_serves_its_line_while_it_waits_until_something_can_be_read(self, on_rabbit):
        on_rabbit.declare()
        on_rabbit.publisher.publish([message(1)])
        left, right = socket.socketpair()
        with left, right:
            right.send(b"!")
            on_rabbit.publisher.wait(60, [left.fileno()])  # ends at once

    def test_carries_the_attributes_as_headers(self, on_rabbit, rabbit):
        on_rabbit.declare()
        sent = message(7)
        on_rabbit.publisher.publish([sent])
        with pika.BlockingConnection(pika.URLParameters(rabbit.url)) as line:
            method, properties, _ = line.channel().basic_get(QUEUE, auto_ack=True)
        assert method.routing_key == "nonconformity.NC_CREATED"
        assert properties.message_id == sent.message_id and properties.delivery_mode == 2
        del properties.headers["x-delivery-count"]
        assert properties.headers == {f"cloudEvents_{name}": value for name, value in sent.attributes.items()} | {
            "schema_version": "1", "request_id": "r-1", "actor": "ada",
        }  # fmt: skip


class TestNats:
    def test_drops_what_it_has_seen_and_takes_a_replay(self, on_nats):
        on_nats.declare()
        first = message(1)
        on_nats.publisher.publish([first])
        on_nats.publisher.publish([first])
        assert len(on_nats.received()) == 1
        on_nats.publisher.publish([message(1, replay=12)])
        assert len(on_nats.received()) == 2

    def test_keeps_what_operators_have_set_when_it_is_declared_again(self, on_nats):
        on_nats.declare(max_length=7)
        kept = {
            "max_age": 7 * 86_400.0, "max_bytes": 10**9, "max_msgs": 500_000, "duplicate_window": 3_600.0,
            "description": "ours, see the handbook", "allow_direct": True,
        }  # fmt: skip
        configured(on_nats.url, **kept)

        on_nats.declare()
        assert {name: getattr(configured(on_nats.url), name) for name in kept} == kept

        on_nats.declare(max_length=8)
        assert {name: getattr(configured(on_nats.url), name) for name in kept} == kept | {"max_msgs": 8}

    def test_has_its_subject_again_beside_those_of_others(self, on_nats):
        on_nats.declare()
        configured(on_nats.url, subjects=["qhse.events.nonconformity.>", "erp.>"])

        on_nats.declare()

        assert configured(on_nats.url).subjects == ["erp.>", "qhse.events.>"]

    def test_that_is_not_stored_on_disk_is_refused(self, on_nats):
        configured(on_nats.url, made_in="memory")

        with pytest.raises(BrokerAway, match="storage"):
            on_nats.declare()

    def test_that_drops_the_oldest_is_left_so_and_said(self, on_nats):
        on_nats.declare()
        configured(on_nats.url, discard="old")

        said = declare(on_nats.url, queue=QUEUE, bindings=["#"], max_length=None)

        assert configured(on_nats.url).discard == "old"
        assert "drops the oldest" in said[-1]


class TestAnAddressOfNats:
    def test_may_have_a_password_with_any_sign(self):
        with PrivateNats('authorization { user: "qhse", password: "p@ss/w%rd" }') as server:
            url = server.url.replace("://", "://qhse:p%40ss%2Fw%25rd@")
            declared(url)
            publisher = publisher_of(url)

            assert publisher.publish([message(1)]).taken == [1]
            publisher.close()

    def test_may_have_a_token(self):
        with PrivateNats('authorization { token: "s3/cret" }') as server:
            declared(server.url.replace("://", "://s3%2Fcret@"))


def test_a_message_that_is_too_large_with_its_headers_is_refused_alone_by_nats():
    with PrivateNats("max_payload: 4096") as server:
        declared(server.url)
        publisher = publisher_of(server.url)
        large = message(1, aggregate="1", payload=json.dumps({"x": "y" * 3_900}))

        outcome = publisher.publish([large, message(2, aggregate="2")])

        assert "the server takes 4,096" in outcome.refused[1]
        assert outcome.taken == [2]
        publisher.close()


@pytest.mark.parametrize("said", [b"INFO []\r\n", b'INFO {"max_payload": "a"}\r\nPONG\r\n', b"x" * 200_000, b""])
def test_what_is_no_nats_at_all_is_a_broker_that_is_away(said):
    with socket.create_server(("127.0.0.1", 0)) as stranger:

        def answer() -> None:
            with suppress(OSError):
                line, _ = stranger.accept()
                with line:
                    line.sendall(said)

        threading.Thread(target=answer, daemon=True).start()
        publisher = publisher_of(f"nats://qhse:s3cret@127.0.0.1:{stranger.getsockname()[1]}")

        with pytest.raises(BrokerAway) as away:
            publisher.publish([message(1)])

    assert "s3cret" not in str(away.value)
