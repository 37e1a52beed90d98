"""A receiver on loopback that keeps what it got and answers what a test says, byte by byte if it wants to."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from typing import Self

from standardwebhooks import Webhook, WebhookVerificationError

OK = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"

Behaviour = Callable[[socket.socket, "Got"], None]


@dataclass(frozen=True)
class Got:
    line: str
    headers: Message
    body: bytes

    @property
    def id(self) -> str:
        return str(self.headers["webhook-id"])


def is_signed(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    """Answer as the library of the scheme does, the receiver's side."""
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


def answering(data: bytes) -> Behaviour:
    def answer(line: socket.socket, got: Got) -> None:
        line.sendall(data)

    return answer


def status(code: int, body: bytes = b"", headers: str = "") -> Behaviour:
    return answering(f"HTTP/1.1 {code} X\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body)


class Receiver:
    """`answers` are taken in turn, the last one again and again. `got` is what was received whole."""

    def __init__(
        self, *answers: Behaviour, context: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.answers = list(answers) or [answering(OK)]
        self.got: list[Got] = []
        self.connections = 0
        self.over = threading.Event()
        self._context = context
        self._server = socket.create_server((host, port))
        self.host, self.port = self._server.getsockname()[:2]
        self.url = f"{'https' if context else 'http'}://{self.host}:{self.port}/hook"

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.over.set()
        self._server.shutdown(socket.SHUT_RDWR)  # a thread that accepts would keep it open
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve_one, args=(line,), daemon=True).start()

    def _serve_one(self, line: socket.socket) -> None:
        try:
            line.settimeout(20)
            line = self._context.wrap_socket(line, server_side=True) if self._context else line
            with line:
                got = _read(line)
                self.got.append(got)
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                answer(line, got)
        except (OSError, TypeError, ValueError):
            pass  # the caller has gone, or speaks something else


def _read(line: socket.socket) -> Got:
    with line.makefile("rb") as stream:
        first = stream.readline().decode().strip()
        head = b""
        while (each := stream.readline()) not in (b"\r\n", b""):
            head += each
        headers = BytesParser().parsebytes(head)
        return Got(first, headers, stream.read(int(headers["Content-Length"])))
