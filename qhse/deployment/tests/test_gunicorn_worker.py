"""How long a request may take to arrive. Over real sockets: `qhse/api/tests/test_bodies.py`."""

from __future__ import annotations

import socket
import time
from collections import deque
from types import SimpleNamespace

import pytest
from gunicorn.workers.gthread import _DEFER, ThreadWorker

from qhse.deployment import gunicorn_worker
from qhse.deployment.gunicorn_worker import READ_SECONDS, BoundedReadWorker


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
    one._reads = deque()
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
