from __future__ import annotations

import pytest

from lab.fuzz.corpus import Hostile
from lab.fuzz.raw import _judge

REQUEST = b"GET /suppliers HTTP/1.1\r\n\r\n"
PROBLEM = b'{"status": 400, "code": "invalid"}'


def answer(status: int, body: bytes = b"", *, media_type: str = "application/problem+json", ours: bool = True) -> bytes:
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}{'X-Request-ID: r' if ours else 'Server: s'}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    ("by_server", "raw", "complaint"),
    [
        (False, answer(400, PROBLEM), ""),
        (False, answer(200, b"{}", media_type="application/json"), ""),
        (False, answer(204), ""),
        (False, answer(400, PROBLEM) + answer(404, b""), ""),
        (False, b"", "no answer"),
        (False, b"HTTP/1.1 rubbish", "no answer"),
        (False, answer(500, PROBLEM), "answered 500"),
        (True, answer(500, b"", ours=False), "answered 500"),
        (True, answer(501, PROBLEM), "answered 501"),
        (True, answer(501, b"", ours=False), ""),
        (True, answer(400, b"<html>", media_type="text/html", ours=False), ""),
        (False, answer(400, b"<html>", media_type="text/html", ours=False), "without a request id"),
        (True, answer(200, b"", ours=False), "without a request id"),
        (False, answer(200, b"<html>", media_type="text/html"), "as text/html"),
        (False, answer(404, PROBLEM), "another document"),
        (False, answer(400, b'{"status": 400}'), "another document"),
        (False, answer(400, b"[" * 9), "another document"),
    ],
)
def test_an_answer_is_in_order_or_it_is_said_what_is_wrong(by_server, raw, complaint):
    _, problem = _judge(raw, Hostile("a name", REQUEST, by_server))

    assert complaint in problem if complaint else problem == ""


def test_where_one_status_is_right_another_is_wrong():
    assert _judge(answer(400, PROBLEM), Hostile("a name", REQUEST, status=415)) == (400, "answered 400, not 415")
