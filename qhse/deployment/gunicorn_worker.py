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
FIRST_BYTE_SECONDS = 0.05  # that a thread waits for the first one, before it leaves that to the main loop


class BoundedReadWorker(ThreadWorker):
    """
    Stops reading from a client that has not sent its whole request within READ_SECONDS.

    gunicorn gives a request a thread from its first byte on, and waits for the others without a limit. As many clients
    as there are threads, with a byte a minute each, would end all service. Here only the reading ends. The way stays
    open for the answer, and a request that has arrived notices nothing. A connection on which nothing comes takes no
    thread.

    Sending ends likewise, when the client takes nothing for SEND_SECONDS. Else the readers of a few long lists could
    keep all threads by not reading.

    What gunicorn refuses before the application sees it is answered with a problem document, like all other refusals.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # In the order of their deadlines, because all have the same time. Threads append, the main loop takes away.
        self._reads: deque[tuple[float, _Read]] = deque()

    def init_process(self) -> None:
        # In this process, which is ours alone. gunicorn has no hook for it, and would answer with a page.
        util.write_error = partial(write_refusal, self.cfg)
        super().init_process()

    def handle(self, conn: Any) -> Any:
        if not (conn.initialized or conn.data_ready or conn.wait_for_data(FIRST_BYTE_SECONDS)):
            return _DEFER
        # By the kernel: gunicorn sends without a limit, and a limit of Python's would be one to reading as well.
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_SECONDS, 0))
        read = _Read(conn.sock)
        self._reads.append((time.monotonic() + READ_SECONDS, read))
        try:
            return super().handle(conn)
        finally:
            read.over = True

    def murder_pending(self) -> None:
        """End the reads that are overdue. The main loop comes by at least once a second."""
        super().murder_pending()
        while self._reads and (self._reads[0][1].over or self._reads[0][0] <= time.monotonic()):
            self._reads.popleft()[1].end()


class _Read:
    """One request's use of a socket."""

    def __init__(self, sock: socket.socket) -> None:
        self.over = False
        self._sock = sock

    def end(self) -> None:
        if not self.over:
            with suppress(OSError):  # closed in the meantime
                self._sock.shutdown(socket.SHUT_RD)


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
