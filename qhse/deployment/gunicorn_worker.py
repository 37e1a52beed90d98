"""The worker process of the HTTP server: gunicorn's threads, with an end to slow requests."""

from __future__ import annotations

import socket
import time
from collections import deque
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import _DEFER, ThreadWorker  # type: ignore[import-untyped]

READ_SECONDS = 5.0  # for head and body together, from the first byte; a proxy that buffers needs milliseconds
FIRST_BYTE_SECONDS = 0.05  # that a thread waits for the first one, before it leaves that to the main loop


class BoundedReadWorker(ThreadWorker):
    """
    Stops reading from a client that has not sent its whole request within READ_SECONDS.

    gunicorn gives a request a thread from its first byte on, and waits for the others without a limit. As many clients
    as there are threads, with a byte a minute each, would end all service. Here only the reading ends. The way stays
    open for the answer, and a request that has arrived notices nothing. A connection on which nothing comes takes no
    thread.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # In the order of their deadlines, because all have the same time. Threads append, the main loop takes away.
        self._reads: deque[tuple[float, _Read]] = deque()

    def handle(self, conn: Any) -> Any:
        if not (conn.initialized or conn.data_ready or conn.wait_for_data(FIRST_BYTE_SECONDS)):
            return _DEFER
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
