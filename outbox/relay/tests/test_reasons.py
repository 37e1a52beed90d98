"""Why a broker is away stands in the log in words which tell the ways apart, and are never empty."""

from __future__ import annotations

import gc
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from nats.errors import TimeoutError as NatsTimeout
from pika.exceptions import AMQPConnectionError

from dev.brokers.rabbitmq import PrivateRabbit, free_port
from dev.certificates import Authority
from outbox.relay import rabbitmq
from outbox.relay.brokers import publisher_of
from outbox.relay.port import BrokerAway, in_words
from outbox.relay.tests.conftest import message
from outbox.relay.topology import declare


def why_away(url: str) -> str:
    """Return the reason that the relay would log. That of declaring must not be empty either."""
    publisher = publisher_of(url)
    with pytest.raises(BrokerAway) as refusal:
        publisher.publish([message(1)])
    publisher.close()
    with pytest.raises(BrokerAway) as declined:
        declare(url, queue="test", bindings=["#"], max_length=None)
    for said in (str(refusal.value), str(declined.value)):
        assert said.partition(":")[2].strip() and "s3cret" not in said
    return str(refusal.value)


@contextmanager
def stranger(said: bytes | None) -> Iterator[int]:
    """Somebody who answers each line with this, and hangs up. None: who says nothing at all."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        lines: list[socket.socket] = []

        def serve() -> None:
            with suppress(OSError):
                while True:
                    line, _ = server.accept()
                    lines.append(line)
                    if said is not None:
                        with line, suppress(OSError):
                            line.recv(4_096)
                            line.sendall(said)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)
    ended = [has_ended(line) for line in lines]
    assert all(ended), "a line was left open"


def has_ended(line: socket.socket) -> bool:
    if line.fileno() == -1:  # we have hung up ourselves
        return True
    with line:
        line.settimeout(5)
        try:
            while line.recv(4_096):
                pass
        except ConnectionError:
            pass
        except TimeoutError:
            return False
    return True


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("amqp://u:s3cret@127.0.0.1:1/", "refused"),
        ("amqps://u:s3cret@127.0.0.1:1/", "refused"),
        ("amqp://u:s3cret@nosuch.invalid/", "not known"),
        ("amqps://u:s3cret@nosuch.invalid/", "not known"),
    ],
)
def test_rabbitmq_that_cannot_be_reached(url, word):
    assert word in why_away(url)


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x46"])
def test_what_speaks_no_amqp(said):
    with stranger(said) as port:
        assert "no AMQP at this port" in why_away(f"amqp://u:s3cret@127.0.0.1:{port}/")


@pytest.mark.parametrize("scheme", ["amqp", "amqps"])
def test_what_says_nothing_at_all(monkeypatch, scheme):
    parameters = rabbitmq.RabbitPublisher._parameters

    def of_a_patient_client(publisher):
        """So that it is always we who give up, and not now and then pika's own time, which is as long."""
        patient = parameters(publisher)
        patient.stack_timeout = 60
        return patient

    monkeypatch.setattr(rabbitmq.RabbitPublisher, "_parameters", of_a_patient_client)
    monkeypatch.setattr(rabbitmq, "CONNECT_SECONDS", 0.5)
    monkeypatch.setattr("outbox.relay.topology.CONNECT_SECONDS", 0.5)
    gc.disable()  # a socket that is left to the collector is not closed
    try:
        with stranger(None) as port:
            said = why_away(f"{scheme}://u:s3cret@127.0.0.1:{port}/")
    finally:
        gc.enable()
    assert "waited" in said or "imed out" in said or "imeout" in said


def test_words_are_those_of_the_innermost_and_never_none():
    inner = ssl.SSLCertVerificationError(1, "self-signed certificate")
    wrapped = AMQPConnectionError(ExceptionGroup("", [ValueError(), inner, inner]))
    caused = RuntimeError()
    caused.__cause__ = wrapped
    circle = OSError()
    circle.__cause__ = circle

    assert "self-signed certificate" in in_words(caused) and in_words(caused).count("self-signed") == 1
    for empty in (circle, NatsTimeout(), TimeoutError(), AMQPConnectionError(), AMQPConnectionError("")):
        assert type(empty).__name__ in in_words(empty) and not in_words(empty).endswith(": ")


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def with_tls(authority) -> Iterator[tuple[PrivateRabbit, int]]:
    """A RabbitMQ with a port for TLS beside the plain one."""
    (certificate, key), port = authority.sign("127.0.0.1"), free_port()
    settings = {
        "listeners.ssl.1": f"127.0.0.1:{port}", "ssl_options.cacertfile": authority.certificate,
        "ssl_options.certfile": certificate, "ssl_options.keyfile": key,
    }  # fmt: skip
    with PrivateRabbit(settings) as rabbit:
        yield rabbit, port


@pytest.mark.broker
class TestRabbit:
    def test_is_published_to_by_tls(self, with_tls, authority):
        url = f"amqps://guest:guest@127.0.0.1:{with_tls[1]}/?cafile={authority.certificate}"
        declare(url, queue="test", bindings=["#"], max_length=None)
        publisher = publisher_of(url)

        assert publisher.publish([message(1)]).taken == [1]
        publisher.close()

    def test_says_why_it_cannot_be_used(self, with_tls, authority, tmp_path):
        rabbit, secure = with_tls
        ours, others = (f"?cafile={each.certificate}" for each in (authority, Authority(tmp_path, "another")))

        assert "self-signed certificate" in why_away(f"amqps://guest:s3cret@127.0.0.1:{secure}/")
        assert "certificate verify failed" in why_away(f"amqps://guest:s3cret@127.0.0.1:{secure}/{others}")
        assert "ostname mismatch" in why_away(f"amqps://guest:s3cret@localhost:{secure}/{ours}")
        assert "does the broker speak TLS" in why_away(f"amqps://guest:s3cret@127.0.0.1:{rabbit.port}/")
        assert "needs amqps://" in why_away(f"amqp://guest:s3cret@127.0.0.1:{secure}/")
        assert "ACCESS_REFUSED" in why_away(f"amqp://guest:s3cret@127.0.0.1:{rabbit.port}/")
        assert "vhost nope not found" in why_away(f"amqp://guest:guest@127.0.0.1:{rabbit.port}/nope")
