"""Request bodies in chunks, cut short, and slow, by real sockets to the real HTTP server."""

from __future__ import annotations

import json
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from audit.models import AuditEntry
from dev.processes import start_python
from dev.stack import HOST, api_command, free_port
from dev.waiting import wait_until
from ncs.models import NonConformity
from qhse.accounts.services.tokens import issue_tokens
from qhse.attachments.models import Attachment
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


FORM = "multipart/form-data; boundary=b"
MEGABYTE = 1_048_576


def form(nc, content: bytes) -> bytes:
    fields = {"entity_type": "nonconformity", "entity_id": str(nc.pk)}
    parts = [f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in fields.items()]
    file = '--b\r\nContent-Disposition: form-data; name="file"; filename="measured.csv"\r\n\r\n'
    return "".join([*parts, file]).encode() + content + b"\r\n--b--\r\n"


class TestAnUpload:
    @pytest.fixture
    def nc(self, make_nc):
        return make_nc()

    @pytest.mark.parametrize("size", [60_000, 7])
    def test_is_stored_whether_it_comes_in_chunks_or_not(self, port, head, nc, size):
        body = form(nc, b"1;12.08\n" * 1_000)

        whole = exchange(port, head("POST", "/attachments", f"Content-Length: {len(body)}", media_type=FORM) + body)
        chunks = exchange(port, head("POST", "/attachments", CHUNKED, media_type=FORM) + in_chunks(body, size))

        assert [status for status, _ in (whole, chunks)] == [201, 201]
        assert whole[1]["sha256"] == chunks[1]["sha256"]
        assert whole[1]["size"] == 8_000

    @pytest.mark.parametrize("start", ["Content-Length: 100000", CHUNKED])
    def test_that_ends_too_early_is_408_and_stores_nothing(self, port, head, nc, start):
        part = form(nc, b"1;12.08\n" * 1_000)[:5_000]
        with socket.create_connection((HOST, port), timeout=20) as line:
            line.sendall(head("POST", "/attachments", start, media_type=FORM))
            line.sendall(part if start != CHUNKED else in_chunks(part)[:-5])
            line.shutdown(socket.SHUT_WR)

            status, document = read_answer(line)

        assert (status, document["code"]) == (408, "incomplete_request")
        assert Attachment.objects.count() == 0

    @pytest.mark.parametrize("tail", [b"zz\r\nx\r\n0\r\n\r\n", b"2\r\nxxxx0\r\n\r\n"])
    def test_in_malformed_chunks_is_400_and_stores_nothing(self, port, head, nc, tail):
        chunks = in_chunks(form(nc, b"1;12.08\n"))[:-5]

        status, _ = exchange(port, head("POST", "/attachments", CHUNKED, media_type=FORM) + chunks + tail)

        assert status == 400
        assert Attachment.objects.count() == 0

    @pytest.mark.parametrize("length", [True, False])
    def test_that_is_too_large_gets_its_answer_after_all_was_sent(self, port, head, nc, length):
        body = form(nc, b"1;12.08\n" * (12 * MEGABYTE // 8))
        start = f"Content-Length: {len(body)}" if length else CHUNKED
        sent = body if length else in_chunks(body, 60_000)

        status, document = exchange(port, head("POST", "/attachments", start, media_type=FORM) + sent)

        assert (status, document["code"]) == (413, "payload_too_large")
        assert Attachment.objects.count() == 0

    def test_of_nobody_is_refused_without_being_kept(self, port, nc):
        body = form(nc, b"1;12.08\n" * (10 * MEGABYTE // 8))
        start = f"POST /attachments HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: {FORM}\r\n"

        status, _ = exchange(port, f"{start}Content-Length: {len(body)}\r\n\r\n".encode() + body)

        assert status == 401

    def test_takes_no_memory_of_its_size(self, port, head, nc):
        body = form(nc, b"1;12.08\n" * (10 * MEGABYTE // 8 - 1_000))
        raw = head("POST", "/attachments", f"Content-Length: {len(body)}", media_type=FORM) + body
        small = form(nc, b"1;12.08\n")
        exchange(port, head("POST", "/attachments", f"Content-Length: {len(small)}", media_type=FORM) + small)
        before = highest_memory(port)

        assert [exchange(port, raw)[0] for _ in range(3)] == [201, 201, 201]
        grown = highest_memory(port) - before
        assert grown < 8 * MEGABYTE


def highest_memory(port: int) -> int:
    """Return the most bytes that a process of the server at this port has ever held."""
    peaks = [0]
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):
            text, command = status.read_text(), (status.parent / "cmdline").read_bytes()
            if b"gunicorn" in command and str(port).encode() in command:
                peaks.append(int(re.search(r"VmHWM:\s+(\d+)", text)[1]) * 1_024)
    return max(peaks)
