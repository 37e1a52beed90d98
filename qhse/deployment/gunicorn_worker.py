"""The worker process of the HTTP server: gunicorn's threads, an end to slow clients, refusals as documents."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections import deque
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any

from gunicorn import util  # type: ignore[import-untyped]
from gunicorn.workers.gthread import _DEFER, ThreadWorker  # type: ignore[import-untyped]

from qhse.observability import context

READ_SECONDS = 5.0  # for head and body together, from the first byte; a proxy that buffers needs milliseconds
SEND_SECONDS = 60  # in which a client takes nothing of its answer; a proxy takes what its buffers hold at once
SLOW_SECONDS = 30.0  # over which its pace is measured, again and again; a moment without a network is no offence
LEAST_PACE = 16_384  # bytes a second; an old mobile network is slower at its edge, and such readers come by a proxy
FIRST_BYTE_SECONDS = 0.05  # that a thread waits for the first one, before it leaves that to the main loop
_TCP_INFO_BYTES = 148


class BoundedReadWorker(ThreadWorker):
    """
    Stops reading from a client that has not sent its whole request within READ_SECONDS.

    gunicorn gives a request a thread from its first byte on, and waits for the others without a limit. As many clients
    as there are threads, with a byte a minute each, would end all service. Here only the reading ends. The way stays
    open for the answer, and a request that has arrived notices nothing. A connection on which nothing comes takes no
    thread.

    Sending ends likewise, when the client takes nothing for SEND_SECONDS. Else the readers of a few long lists could
    keep all threads by not reading. It ends too when what the client takes is less than LEAST_PACE over SLOW_SECONDS,
    because a few bytes now and then would keep a thread as well.

    What gunicorn refuses before the application sees it is answered with a problem document, like all other refusals.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # In the order of their deadlines, because all have the same time. Threads append, the main loop takes away.
        self._reads: deque[tuple[float, _Read]] = deque()
        self._sends: set[_Send] = set()

    def init_process(self) -> None:
        # In this process, which is ours alone. gunicorn has no hook for it, and would answer with a page.
        util.write_error = partial(write_refusal, self.cfg)
        super().init_process()

    def handle(self, conn: Any) -> Any:
        if not (conn.initialized or conn.data_ready or conn.wait_for_data(FIRST_BYTE_SECONDS)):
            return _DEFER
        # By the kernel: gunicorn sends without a limit, and a limit of Python's would be one to reading as well.
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_SECONDS, 0))
        read, send = _Read(conn.sock), _Send(conn.sock)
        self._sends.add(send)
        self._reads.append((time.monotonic() + READ_SECONDS, read))
        try:
            return super().handle(conn)
        finally:
            read.over = True
            self._sends.discard(send)

    def murder_pending(self) -> None:
        """End the reads that are overdue, and the answers that trickle. The main loop comes by once a second."""
        super().murder_pending()
        while self._reads and (self._reads[0][1].over or self._reads[0][0] <= time.monotonic()):
            self._reads.popleft()[1].end()
        for send in list(self._sends):
            send.look()


class _Read:
    """One request's use of a socket."""

    def __init__(self, sock: socket.socket) -> None:
        self.over = False
        self._sock = sock

    def end(self) -> None:
        if not self.over:
            with suppress(OSError):  # closed in the meantime
                self._sock.shutdown(socket.SHUT_RD)


class _Send:
    """
    The answers on a socket, watched by the main loop, because who sends waits in the kernel.

    Only what waits for the client is measured. A view that takes its time is not.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._since = 0.0
        self._taken = 0

    def look(self) -> None:
        taken, waits = _taken_and_waiting(self._sock)
        now = time.monotonic()
        seconds = now - self._since
        if waits and self._since and seconds < SLOW_SECONDS:
            return
        if waits and self._since and taken - self._taken < seconds * LEAST_PACE:
            with suppress(OSError):  # closed in the meantime
                self._sock.shutdown(socket.SHUT_RDWR)
        self._since, self._taken = (now, taken) if waits else (0.0, 0)


def _taken_and_waiting(sock: socket.socket) -> tuple[int, int]:
    """Return how many bytes the other side took, and how many wait until it does: none where Linux does not say."""
    if not hasattr(socket, "TCP_INFO"):
        return 0, 0
    try:
        said = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    except OSError:  # closed in the meantime, or a Unix socket
        return 0, 0
    if len(said) < _TCP_INFO_BYTES:
        return 0, 0
    # tcpi_bytes_acked and tcpi_notsent_bytes of `struct tcp_info`.
    return struct.unpack_from("=Q", said, 120)[0], struct.unpack_from("=I", said, 144)[0]


_REFUSALS = {
    HTTPStatus.BAD_REQUEST: ("bad_request", "The request is malformed."),
    HTTPStatus.REQUEST_URI_TOO_LONG: ("uri_too_long", "The address is longer than {0.limit_request_line} bytes."),
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: (
        "header_too_large",
        "A header is longer than {0.limit_request_field_size} bytes, or there are more than {0.limit_request_fields}.",
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: ("internal_error", "A defect on our side."),
}


def write_refusal(cfg: Any, sock: socket.socket, status: int, reason: str, message: str) -> None:
    """Answer a request that gunicorn refuses. Its own `message` can quote what came, and is not passed on."""
    if status == HTTPStatus.NOT_IMPLEMENTED:  # an encoding that it does not know: the client's mistake, and no defect
        status, reason = HTTPStatus.BAD_REQUEST.value, HTTPStatus.BAD_REQUEST.phrase
    code, detail = _REFUSALS.get(HTTPStatus(status), ("bad_request", "The server cannot read such a request."))
    request_id = context.accept_request_id(None)
    document = {
        "type": f"urn:qhse:problem:{code}",
        "title": reason,
        "status": status,
        "detail": detail.format(cfg),
        "code": code,
        "request_id": request_id,
    }
    body = json.dumps(document).encode()
    head = (
        f"HTTP/1.1 {status} {reason}",
        "Connection: close",
        "Content-Type: application/problem+json",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        f"X-Request-ID: {request_id}",
    )
    util.write_nonblock(sock, "\r\n".join((*head, "", "")).encode() + body)
