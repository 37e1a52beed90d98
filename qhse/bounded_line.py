"""
A line whose whole exchange is bounded, for http.client.

A timeout of a socket bounds each wait, and not their number: who sends a byte a second would hold a thread for hours.
"""

from __future__ import annotations

import io
import math
import socket
import time
from typing import Any


class BadAnswer(Exception):
    """An answer that does not count as one. The message says why."""


class Deadline:
    """A moment some seconds from now."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at = time.monotonic() + seconds

    def left(self, at_most: float = math.inf) -> float:
        """Return the seconds left. Raises TimeoutError without any: zero would make a socket wait for nothing."""
        left = min(self._at - time.monotonic(), at_most)
        if left <= 0:
            raise TimeoutError(f"took longer than {self._seconds:g} s")
        return left

    def shorten(self, seconds: float) -> None:
        self._at = min(self._at, time.monotonic() + seconds)


class BoundedLine:
    """What http.client wants of a socket. All ends by the deadline, and no more than `most_read` bytes are read."""

    def __init__(self, line: socket.socket, deadline: Deadline, most_read: int) -> None:
        self._line, self._deadline = line, deadline
        self._incoming = _Incoming(line, deadline, most_read)

    def sendall(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            self._line.settimeout(self._deadline.left())
            left = left[self._line.send(left) :]

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._incoming)

    def close(self) -> None:
        self._line.close()

    def demand_whole_head(self) -> None:
        """
        Raise BadAnswer when the other end has hung up. It is asked when the head has been read, and nothing further.

        http.client takes the end of a line for the end of a head. A head is whole with its empty line, behind which
        nothing need be read.
        """
        if self._incoming.has_ended:
            raise BadAnswer("the answer breaks off in its head")


class _Incoming(io.RawIOBase):
    def __init__(self, line: socket.socket, deadline: Deadline, most_read: int) -> None:
        self._line, self._deadline, self._most, self._left = line, deadline, most_read, most_read
        self.has_ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._left <= 0:
            raise BadAnswer(f"the answer has more than {self._most:,} bytes")
        self._line.settimeout(self._deadline.left())
        received = self._line.recv_into(memoryview(buffer)[: self._left])
        self._left -= received
        self.has_ended = received == 0
        return received
