"""Request bodies in chunks, cut short, and slow, by real sockets to the real HTTP server."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator

import pytest

from audit.models import AuditEntry
from dev.processes import start_python
from dev.stack import HOST, api_command, free_port
from dev.waiting import wait_until
from ncs.models import NonConformity
from qhse.accounts.services.tokens import issue_tokens
from qhse.deployment.gunicorn_worker import READ_SECONDS

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
THREADS = 2


@pytest.fixture
def port() -> Iterator[int]:
    """Run gunicorn with one process on the tests' own database."""
    from django.db import connection

    chosen = free_port()
    base = os.environ["TEST_DATABASE_URL"].partition("?")
    url = f"{base[0].rpartition('/')[0]}/{connection.settings_dict['NAME']}{base[1]}{base[2]}"
    env = os.environ | {
        "QHSE_ENV": "dev", "DATABASE_URL": url, "GUNICORN_WORKERS": "1", "GUNICORN_THREADS": str(THREADS),
        "LOG_LEVEL": "ERROR", "GUNICORN_LOG_LEVEL": "ERROR",
    }  # fmt: skip
    process = start_python(api_command(chosen), env=env)
    try:
        wait_until(lambda: answers(chosen), what="the server", seconds=30)
        yield chosen
    finally:
        process.terminate()
        process.wait(20)


def answers(port: int) -> bool:
    try:
        return exchange(port, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")[0] == 200
    except OSError:
        return False


def exchange(port: int, raw: bytes) -> tuple[int, dict]:
    with socket.create_connection((HOST, port), timeout=20) as line:
        line.sendall(raw)
        return read_answer(line)


def read_answer(line: socket.socket) -> tuple[int, dict]:
    answer = b""
    while chunk := line.recv(65536):
        answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head, "no answer"
    return int(head.split()[1]), json.loads(body) if body else {}


def in_chunks(body: bytes, size: int = 7) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.fixture
def head(users):
    """Return the head of a request in chunks by quality, or by procurement for suppliers."""

    def make(method: str, path: str, *extra: str, media_type: str = "application/json") -> bytes:
        user = users["procurement" if path.startswith("/suppliers") else "quality"]
        lines = (
            f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", f"Content-Type: {media_type}",
            f"Authorization: Bearer {issue_tokens(user).access_token}", *extra, "", "",
        )  # fmt: skip
        return "\r\n".join(lines).encode()

    return make


CHUNKED = "Transfer-Encoding: chunked"


class TestABodyInChunks:
    def test_is_read_like_any_other(self, port, head):
        raw = head("POST", "/suppliers", CHUNKED) + in_chunks(b'{"name": "Hansa Forge GmbH"}')

        status, document = exchange(port, raw)

        assert (status, document["name"]) == (201, "Hansa Forge GmbH")

    @pytest.mark.parametrize(
        ("body", "media_type", "status"),
        [
            (b"<p>rubbish", "text/html", 415),
            (b"rubbish", "application/json", 400),
            (b'{"reason": "x", "status": "OPEN"}', "application/json", 400),
            (b"[" * 50_000, "application/json", 400),
            (b'{"reason": "' + b"x" * 1_100_000 + b'"}', "application/json", 413),
        ],
        ids=["another type", "no JSON", "an unknown field", "too deep", "too large"],
    )
    def test_is_refused_like_any_other_and_changes_nothing(self, port, head, make_nc, body, media_type, status):
        nc = make_nc()
        raw = head("PATCH", f"/ncs/{nc.pk}/close", CHUNKED, media_type=media_type) + in_chunks(body, 60_000)

        answer, document = exchange(port, raw)

        assert (answer, document["status"]) == (status, status)
        assert NonConformity.objects.get().status == "OPEN"

    def test_counts_for_its_idempotency_key(self, port, head):
        def send(name: str) -> tuple[int, dict]:
            start = head("POST", "/suppliers", CHUNKED, "Idempotency-Key: chunks")
            return exchange(port, start + in_chunks(json.dumps({"name": name}).encode()))

        assert [send("Hansa")[0], send("Hansa")[0], send("Nordic")[0]] == [201, 201, 422]

    @pytest.mark.parametrize(
        "tail", [b"zz\r\n{}\r\n0\r\n\r\n", b"2\r\n{}xx0\r\n\r\n", b"2\r\n{}\r\n0\r\nX Y: z\r\n\r\n"]
    )
    def test_that_is_malformed_is_400_and_changes_nothing(self, port, head, make_nc, tail):
        nc = make_nc()

        status, document = exchange(port, head("PATCH", f"/ncs/{nc.pk}/close", CHUNKED) + tail)

        assert (status, document["code"]) == (400, "bad_request")
        assert NonConformity.objects.get().status == "OPEN"


class TestABodyThatEndsTooEarly:
    @pytest.mark.parametrize("start", ["Content-Length: 100", CHUNKED])
    def test_is_408_and_changes_nothing_even_if_it_makes_sense_so_far(self, port, head, make_nc, start):
        nc = make_nc()
        part = b"{}" if start != CHUNKED else b"2\r\n{}\r\n"
        with socket.create_connection((HOST, port), timeout=20) as line:
            line.sendall(head("PATCH", f"/ncs/{nc.pk}/close", start) + part)
            line.shutdown(socket.SHUT_WR)

            status, document = read_answer(line)

        assert (status, document["code"]) == (408, "incomplete_request")
        assert NonConformity.objects.get().status == "OPEN"
        assert not AuditEntry.objects.filter(action="NC_CLOSED").exists()


@pytest.mark.parametrize("slow", ["head", "body", "chunks", "nothing"])
def test_clients_that_never_finish_hold_up_others_for_a_few_seconds_at_most(port, head, slow):
    raw = {
        "head": b"POST /auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ",
        "body": head("POST", "/suppliers", "Content-Length: 100") + b"{",
        "chunks": head("POST", "/suppliers", CHUNKED) + b"64\r\n{",
        "nothing": b"",
    }[slow]
    lines = [socket.create_connection((HOST, port), timeout=20) for _ in range(4 * THREADS)]
    try:
        started = time.monotonic()
        for line in lines[:THREADS]:
            line.sendall(raw)

        assert answers(port)

        assert time.monotonic() - started < READ_SECONDS + 3
        if slow in ("body", "chunks"):
            status, document = read_answer(lines[0])
            assert (status, document["code"]) == (408, "incomplete_request")
    finally:
        for line in lines:
            line.close()
