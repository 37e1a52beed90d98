"""How long a request may take to arrive. Over real sockets: `qhse/api/tests/test_bodies.py`."""

from __future__ import annotations

import socket
import time
from collections import deque
from contextlib import suppress
from types import SimpleNamespace

import pytest
from gunicorn.workers.gthread import _DEFER, ThreadWorker

from qhse.deployment import gunicorn_worker
from qhse.deployment.gunicorn_worker import READ_SECONDS, SLOW_SECONDS, BoundedReadWorker


@pytest.fixture
def line():
    client, server = socket.socketpair()
    with client, server:
        client.settimeout(5)
        server.settimeout(5)
        yield client, server


@pytest.fixture
def worker(monkeypatch):
    """A worker without its processes and its sockets to listen on."""
    monkeypatch.setattr(ThreadWorker, "murder_pending", lambda self: None, raising=False)
    monkeypatch.setattr(ThreadWorker, "handle", lambda self, conn: conn.serve())
    one = BoundedReadWorker.__new__(BoundedReadWorker)
    one._reads, one._sends = deque(), set()
    return one


def connection(server: socket.socket, serve, *, ready: bool = True):
    return SimpleNamespace(
        sock=server, initialized=False, data_ready=ready, wait_for_data=lambda seconds: False, serve=serve
    )


def test_a_connection_on_which_nothing_comes_takes_no_thread(worker, line):
    assert worker.handle(connection(line[1], lambda: pytest.fail("handled"), ready=False)) is _DEFER
    assert not worker._reads


def test_an_overdue_read_ends_and_the_answer_still_arrives(worker, line, monkeypatch):
    client, server = line
    client.sendall(b"POST /auth/login")

    def serve() -> bytes:
        assert server.recv(100) == b"POST /auth/login"
        late = time.monotonic() + READ_SECONDS
        monkeypatch.setattr(time, "monotonic", lambda: late)
        worker.murder_pending()
        rest = server.recv(100)
        server.sendall(b"408")
        return rest

    assert worker.handle(connection(server, serve)) == b""
    assert client.recv(100) == b"408"


def test_a_read_that_is_over_is_forgotten_and_not_ended(worker, line):
    client, server = line
    worker.handle(connection(server, lambda: None))

    worker.murder_pending()

    assert not worker._reads
    client.sendall(b"GET /next")
    assert server.recv(100) == b"GET /next"


def test_a_read_in_time_goes_on(worker, line):
    client, server = line

    def serve() -> bytes:
        worker.murder_pending()
        client.sendall(b"GET /healthz")
        return server.recv(100)

    assert worker.handle(connection(server, serve)) == b"GET /healthz"


def test_sending_ends_when_the_client_takes_nothing(worker, line, monkeypatch):
    monkeypatch.setattr(gunicorn_worker, "SEND_SECONDS", 1)
    _, server = line
    server.setblocking(True)  # as gunicorn does

    with pytest.raises(BlockingIOError):
        worker.handle(connection(server, lambda: server.sendall(b"x" * 10_000_000)))


@pytest.fixture
def tcp():
    """Two ends of a connection whose buffers are small, because only TCP says what was taken."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        client.connect(listener.getsockname())
        server, _ = listener.accept()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        client.settimeout(5)
        with server:
            yield client, server


@pytest.fixture
def pass_seconds(monkeypatch):
    now = [time.monotonic()]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def pass_by(seconds: float) -> None:
        now[0] += seconds

    return pass_by


def fill(server: socket.socket) -> None:
    """Send until the other side takes no more."""
    server.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            server.send(b"x" * 65_536)
    server.setblocking(True)


def take(client: socket.socket, size: int) -> None:
    while size > 0:
        size -= len(client.recv(min(size, 65_536)))


class TestAnAnswerThatIsTakenSlowly:
    def serve_while(self, worker, tcp, looks) -> None:
        _, server = tcp

        def serve() -> None:
            fill(server)
            looks()
            server.send(b"x")

        worker.handle(connection(server, serve))

    def test_ends_after_a_while(self, worker, tcp, pass_seconds):
        def looks() -> None:
            worker.murder_pending()
            tcp[0].recv(2_048)
            pass_seconds(SLOW_SECONDS)
            worker.murder_pending()

        with pytest.raises(BrokenPipeError):
            self.serve_while(worker, tcp, looks)
        assert not worker._sends

    def test_goes_on_before(self, worker, tcp, pass_seconds):
        def looks() -> None:
            worker.murder_pending()
            pass_seconds(SLOW_SECONDS - 1)
            worker.murder_pending()
            take(tcp[0], 100_000)

        self.serve_while(worker, tcp, looks)

    def test_goes_on_when_it_is_taken_fast_enough(self, worker, tcp, monkeypatch, pass_seconds):
        monkeypatch.setattr(gunicorn_worker, "LEAST_PACE", 100)

        def looks() -> None:
            worker.murder_pending()
            take(tcp[0], 60_000)
            fill(tcp[1])
            pass_seconds(SLOW_SECONDS)
            worker.murder_pending()
            take(tcp[0], 100_000)

        self.serve_while(worker, tcp, looks)

    def test_a_view_that_takes_its_time_is_not_slow_to_be_taken(self, worker, tcp, pass_seconds):
        def serve() -> None:
            for _ in range(3):
                worker.murder_pending()
                pass_seconds(SLOW_SECONDS)
            tcp[1].send(b"x")

        worker.handle(connection(tcp[1], serve))
        assert tcp[0].recv(10) == b"x"
