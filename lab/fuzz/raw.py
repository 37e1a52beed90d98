"""Sends the corpus over sockets, and judges each answer."""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from lab.fuzz.corpus import Hostile

TIMEOUT_SECONDS = 10.0
LINES = 8  # at once: some requests are answered when the server has waited long enough
_DOCUMENTS = ("application/json", "application/problem+json", "application/vnd.oai.openapi+json")


@dataclass(slots=True)
class Sent:
    """What came back. Status 0: the line was closed without an answer. `failures` are lines for people."""

    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def send_all(port: int, corpus: Iterable[Hostile]) -> Sent:
    """
    Send each on a line of its own. No answer of our code may be a 5xx, and each on a JSON route is JSON.

    What the HTTP server refuses itself, before our code runs, has no request id. It is a plain 4xx, a 501 for an unknown
    transfer coding (RFC 9112, 6.1), or a 505 for a version. A line that is closed without a word is no answer.
    """
    sent = Sent()
    with ThreadPoolExecutor(LINES) as lines:
        for hostile, answer in lines.map(lambda each: (each, _send(port, each.raw)), corpus):
            sent.cases += 1
            status, problem = _judge(answer, hostile)
            sent.statuses[status] += 1
            if problem:
                first_line = hostile.raw.split(b"\r\n")[0][:100].decode("latin-1")
                sent.failures.append(f"{hostile.name} ({first_line}): {problem}")
    return sent


def _send(port: int, raw: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS) as line:
        answer = b""
        try:
            line.sendall(raw)
            line.shutdown(socket.SHUT_WR)  # so that a request that promises more than it sends is over
        except OSError:
            pass  # refused before it was sent to its end; the answer may be there
        try:
            while chunk := line.recv(65536):
                answer += chunk
        except OSError:
            pass
    return answer


def _judge(answer: bytes, hostile: Hostile) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    if len(words) < 2 or not words[1].isdigit():
        return 0, f"no answer: {answer[:80]!r}"
    status = int(words[1])
    if hostile.status not in (0, status):
        return status, f"answered {status}, not {hostile.status}"
    headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
    length = headers.get(b"content-length", b"")
    body = body[: int(length)] if length.isdigit() else body  # a second answer may follow
    media_type = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0]
    if status >= 500 and not (hostile.by_server and b"x-request-id" not in headers and status in (501, 505)):
        return status, f"answered {status}: {body[:200]!r}"
    if b"x-request-id" not in headers:
        refused = hostile.by_server and (400 <= status < 500 or status in (501, 505))
        return status, "" if refused else f"answered {status} without a request id: {body[:80]!r}"
    if b"/admin/" in hostile.raw.partition(b"\r\n")[0] or b"transfer-encoding" in headers:
        return status, ""  # a page for people; a body in chunks
    if body and status != 204 and media_type not in _DOCUMENTS and b"location" not in headers:
        return status, f"answered {status} as {media_type}"
    if status >= 400 and body and not _is_problem(body, status):
        return status, f"answered {status} with another document than a problem of it: {body[:200]!r}"
    return status, ""


def _is_problem(body: bytes, status: int) -> bool:
    try:
        document = json.loads(body)
    except ValueError:
        return False
    return isinstance(document, dict) and document.get("status") == status and bool(document.get("code"))
