"""
A closed loop of HTTP requests: each connection sends its next request when it has its answer.

One thread and plain sockets. What a request costs here is measured too, because it shares the machine.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from dev.stack import HOST

ANSWER_SECONDS = 30.0
Ask = Callable[[], bytes]
"""Returns the bytes of the next request."""


class UnexpectedAnswer(AssertionError):
    """The server answered something else than what the case is about."""


@dataclass(slots=True)
class Driven:
    """What came of one loop. `seconds` has the time of each answer, `own_cpu` what the loop itself used in all."""

    elapsed: float
    own_cpu: float
    seconds: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.elapsed


class _Line:
    """One connection with at most one request in hand."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port), timeout=ANSWER_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self.asked_at = 0.0

    def ask(self, request: bytes) -> None:
        self._received = b""
        self.asked_at = time.perf_counter()
        self.socket.sendall(request)

    def answer(self) -> bytes | None:
        """Return the whole answer, or None while some of it is missing."""
        more = self.socket.recv(262_144)
        if not more:
            raise UnexpectedAnswer(f"the connection was closed after {self._received[:200]!r}")
        self._received += more
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return None
        _, _, length = head.lower().partition(b"content-length: ")
        if not length:
            raise UnexpectedAnswer(f"no length: {head[:300]!r}")
        return self._received if len(body) >= int(length.partition(b"\r\n")[0]) else None


def drive(port: int, ask: Ask, *, expected: bytes, connections: int, seconds: float) -> Driven:
    """Ask for so long. Raises UnexpectedAnswer at the first answer whose status is not `expected`, such as b"200"."""
    lines = [_Line(port) for _ in range(connections)]
    with selectors.DefaultSelector() as selector:
        for line in lines:
            selector.register(line.socket, selectors.EVENT_READ, line)
            line.ask(ask())
        driven, cpu = Driven(0.0, 0.0), time.process_time()
        began = time.perf_counter()
        waiting = connections
        while waiting:
            ready = selector.select(ANSWER_SECONDS)
            if not ready:
                raise UnexpectedAnswer(f"no answer within {ANSWER_SECONDS:g} s")
            for key, _ in ready:
                line = key.data
                if (answer := line.answer()) is None:
                    continue
                if answer[9:12] != expected:
                    raise UnexpectedAnswer(f"expected {expected!r}: {answer[:1000]!r}")
                now = time.perf_counter()
                driven.seconds.append(now - line.asked_at)
                if now - began < seconds:
                    line.ask(ask())
                else:
                    waiting -= 1
        driven.elapsed, driven.own_cpu = time.perf_counter() - began, time.process_time() - cpu
    for line in lines:
        line.socket.close()
    return driven


def once(port: int, request: bytes) -> bytes:
    """Return the body of one answer. Raises UnexpectedAnswer unless its status is 2xx."""
    line = _Line(port)
    line.ask(request)
    while (answer := line.answer()) is None:
        pass
    line.socket.close()
    if answer[9:10] != b"2":
        raise UnexpectedAnswer(f"{answer[:1000]!r}")
    return answer.partition(b"\r\n\r\n")[2]
