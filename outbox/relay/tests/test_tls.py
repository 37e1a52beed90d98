"""A scheme that says TLS is never sent anything without it, and no certificate is taken on trust."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest

from dev.brokers.nats import PrivateNats
from dev.certificates import Authority
from outbox.relay.brokers import publisher_of
from outbox.relay.port import BrokerAway
from outbox.relay.tests.conftest import message
from outbox.relay.topology import declare

INFO = {
    "server_id": "x", "server_name": "x", "version": "2.10.0", "proto": 1, "max_payload": 1_048_576, "headers": True,
    "auth_required": True, "jetstream": True,
}  # fmt: skip


@dataclass
class Plain:
    """A server that speaks no TLS, and what was said to it."""

    port: int
    heard: bytearray = field(default_factory=bytearray)


@contextmanager
def plain_server(greeting: bytes, answer: bytes) -> Iterator[Plain]:
    """Greet each line, answer the first that is said on it, and listen to its end."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        plain = Plain(server.getsockname()[1])

        def serve() -> None:
            with suppress(OSError):
                while True:
                    line, _ = server.accept()
                    with line, suppress(OSError):
                        line.sendall(greeting)
                        plain.heard += line.recv(65_536)
                        line.sendall(answer)
                        while said := line.recv(65_536):
                            plain.heard += said

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield plain
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def away(url: str) -> str:
    """Return why nothing can be published there."""
    publisher = publisher_of(url)
    with pytest.raises(BrokerAway) as refusal:
        publisher.publish([message(1)])
    publisher.close()
    with pytest.raises(BrokerAway):
        declare(url, queue="test", bindings=["#"], max_length=None)
    return str(refusal.value)


def info(**changes: object) -> bytes:
    return b"INFO " + json.dumps(INFO | changes).encode() + b"\r\n"


@pytest.mark.parametrize(
    ("scheme", "greeting", "answer"),
    [
        ("amqps", b"", b"AMQP\x00\x00\x09\x01"),
        ("tls", info(), b"PONG\r\n"),
        ("TLS", info(tls_required=False), b"PONG\r\n"),
        ("tls", info(tls_available=True), b"PONG\r\n"),
        ("tls", info(tls_required=True), b"PONG\r\n"),
        ("tls", info(connect_urls=["127.0.0.1:1"]), b"PONG\r\n"),
    ],
)
@pytest.mark.parametrize("who", ["qhse:s3cret", "s3cret:s3cret"])
def test_a_server_without_tls_is_told_nothing(scheme, greeting, answer, who):
    with plain_server(greeting, answer) as server:
        why = away(f"{scheme}://{who}@127.0.0.1:{server.port}")

    assert b"s3cret" not in server.heard and b"CONNECT" not in server.heard and b"PLAIN" not in server.heard
    assert "TLS" in why or "SSL" in why
    assert "s3cret" not in why


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module", params=["", "allow_non_tls: true"])
def nats_with_tls(request, authority) -> Iterator[PrivateNats]:
    certificate, key = authority.sign("127.0.0.1")
    secure = f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}\n{request.param}'
    with PrivateNats(f'{secure}\nauthorization {{ user: "qhse", password: "s3cret" }}') as server:
        yield server


@pytest.mark.broker
class TestNats:
    def test_is_published_to_by_tls_also_where_it_is_only_offered(self, nats_with_tls, authority):
        url = nats_with_tls.url.replace("nats://", "tls://qhse:s3cret@") + f"?cafile={authority.certificate}"
        why_not = ""
        try:
            declare(url, queue="test", bindings=["#"], max_length=None)
        except BrokerAway as error:
            why_not = str(error)
        publisher = publisher_of(url)

        assert why_not == ""
        assert publisher.publish([message(1)]).taken == [1]
        assert publisher._line._is_encrypted
        publisher.close()

    def test_is_away_where_nobody_knows_its_authority(self, nats_with_tls, tmp_path):
        other = Authority(tmp_path, "another")
        address = nats_with_tls.url.replace("nats://", "tls://qhse:s3cret@")

        assert "certificate verify failed" in away(address)
        assert "certificate verify failed" in away(f"{address}?cafile={other.certificate}")

    def test_is_away_under_another_name(self, nats_with_tls, authority):
        address = nats_with_tls.url.replace("nats://127.0.0.1", "tls://qhse:s3cret@localhost")

        assert "localhost" in away(f"{address}?cafile={authority.certificate}")


@pytest.mark.broker
def test_a_nats_that_demands_tls_says_so_to_a_plain_scheme(authority):
    certificate, key = authority.sign("127.0.0.1")
    with PrivateNats(f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}') as server:
        assert "the server demands TLS: begin BROKER_URL with tls://" in away(server.url)


@pytest.mark.parametrize(
    ("url", "word"),
    [("nats://127.0.0.1:1", "Refused"), ("tls://127.0.0.1:1", "Refused"), ("nats://nosuch.invalid", "not known")],
)
def test_a_nats_that_cannot_be_reached_says_why(url, word):
    assert word in away(url)
