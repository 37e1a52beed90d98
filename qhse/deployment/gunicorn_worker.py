"""The worker process of the HTTP server: gunicorn's threads, with an end to how long a request may take to arrive."""

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

    gunicorn gives a thread to a request from its first byte on, and waits for each further one without a limit: as many
    clients as there are threads, a byte a minute each, would be the end of all service. An end to the reading alone
    leaves the way open for the answer, and a request that is there already does not notice it. A connection on which
    nothing comes takes no thread at all.
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
        """Do what the main loop does here at least once a second, and end the reads that are overdue."""
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
