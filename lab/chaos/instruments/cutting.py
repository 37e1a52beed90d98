"""A proxy before the API. It loses requests, or the answers to them, on purpose."""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from dev.stack import HOST

TIMEOUT_SECONDS = 20.0
_LENGTH = re.compile(rb"^content-length: *([0-9]+)\r?$", re.IGNORECASE | re.MULTILINE)
_ABORT = struct.pack("ii", 1, 0)  # SO_LINGER: closing resets the line instead of ending it in good order


class CuttingProxy:
    """
    Serves one request on each line.

    `mode` is pass, before or after. Before: the request is taken from the client and never delivered. After: the API
    has given its whole answer, and so has committed; the client gets none of it. `cut` counts what was cut.
    """

    def __init__(self, port: int) -> None:
        self.mode = "pass"
        self.cut = 0
        self._api = (HOST, port)
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]

    def serve(self) -> None:
        """Serve until `close`."""
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with client, suppress(OSError):
                    client.settimeout(TIMEOUT_SECONDS)
                    self._serve_one(client)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve_one(self, client: socket.socket) -> None:
        request, mode = _message(client), self.mode
        answer = b""
        if mode != "before":
            with socket.create_connection(self._api, timeout=TIMEOUT_SECONDS) as api:
                api.sendall(request)
                answer = _message(api)
        if mode == "pass":
            client.sendall(answer)
            return
        self.cut += 1
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)


@contextmanager
def cutting(port: int) -> Iterator[CuttingProxy]:
    """Run one before the API at this port."""
    proxy = CuttingProxy(port)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join(TIMEOUT_SECONDS)


def _message(line: socket.socket) -> bytes:
    """Read one message of HTTP with the length that its head names."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(line)
    head, _, body = received.partition(b"\r\n\r\n")
    match = _LENGTH.search(head)
    while len(body) < (int(match[1]) if match else 0):
        body += _some(line)
    return head + b"\r\n\r\n" + body


def _some(line: socket.socket) -> bytes:
    data = line.recv(65536)
    if not data:
        raise ConnectionError("the line has ended in the middle of a message")
    return data
