"""The way to the collector: a bounded queue, and a thread that sends. Nobody waits for it."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from prometheus_client import Counter

from qhse.bounded_line import BoundedLine, Deadline
from qhse.tracing.spans import RecordedSpan

logger = logging.getLogger("qhse.tracing")

QUEUED_AT_MOST = 10_000  # spans of one process, about a KiB each
SENT_AT_ONCE = 1_000
EVERY_SECONDS = 1.0
ANSWER_SECONDS = 5.0
"""For a whole exchange with the collector, whatever it does meanwhile: what ends waits in the queue for so long."""
MOST_READ = 32_768
"""Bytes of an answer, of which the status alone is wanted."""
WARN_SECONDS = 60.0

DROPPED = Counter("qhse_trace_spans_dropped_total", "Spans that no collector has taken")


class Exporter:
    """
    Takes spans that have ended, and sends them each second as OTLP by HTTP.

    A collector that is away, slow, or says no costs the spans that it would have got. They are counted, and a line in
    the log says so once a minute. To keep them would cost memory, to wait for it the time of requests.
    """

    def __init__(
        self, endpoint: str, headers: Mapping[str, str], encode: Callable[[Sequence[RecordedSpan]], bytes]
    ) -> None:
        self._address = urlsplit(endpoint.rstrip("/") + "/v1/traces")
        self._headers = {**headers, "Content-Type": "application/x-protobuf", "Connection": "close"}
        self._encode = encode
        self._queue: deque[RecordedSpan] = deque()
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._beginning = threading.Lock()
        self._stopping = threading.Event()
        self._is_away = False
        self._warned_at = -WARN_SECONDS
        self._lost = 0

    def keep(self, span: RecordedSpan) -> None:
        """Take a span. It never waits, and raises nothing."""
        if self._pid != os.getpid():
            self._begin()
        if len(self._queue) >= QUEUED_AT_MOST or self._stopping.is_set():
            DROPPED.inc()
        else:
            self._queue.append(span)

    def _begin(self) -> None:
        """Start the thread of this process. What a fork has copied is the parent's to send."""
        with self._beginning:
            if self._pid == os.getpid():
                return
            self._queue = deque()
            self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
            with suppress(RuntimeError):  # no room for a thread: the next span tries again, and the oldest ones go
                self._thread.start()
                self._pid = os.getpid()

    def stop(self, seconds: float) -> None:
        """Send what is left. Wait so long, and not at all for a collector that did not answer last."""
        self._stopping.set()
        thread = self._thread if self._pid == os.getpid() else None
        if thread is not None and not self._is_away:
            thread.join(seconds)
        if thread is not None and self._queue:
            DROPPED.inc(len(self._queue))

    def _run(self) -> None:
        # Signals are the main thread's: one that is delivered here would not end what that waits for.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while not self._stopping.wait(EVERY_SECONDS):
            self._send_all()
        self._send_all()

    def _send_all(self) -> None:
        """Send what is in the queue now. After a failure the rest waits for the next time."""
        for _ in range(len(self._queue) // SENT_AT_ONCE + 1):
            spans = [self._queue.popleft() for _ in range(min(len(self._queue), SENT_AT_ONCE))]
            if not spans:
                return
            try:
                self._post(self._encode(spans))
                self._is_away = False
            except Exception as error:  # of whatever kind: without this thread, all that follows would be lost
                self._is_away = True
                DROPPED.inc(len(spans))
                self._lost += len(spans)
                self._complain(error)
                return

    def _post(self, body: bytes) -> None:
        """Raises an error of many kinds when the collector has not said that it took them."""
        deadline = Deadline(ANSWER_SECONDS)
        to_whom = HTTPSConnection if self._address.scheme == "https" else HTTPConnection
        # A line for each: one that is kept may be closed at the other end just now, and costs a second try.
        line = to_whom(self._address.hostname or "", self._address.port, timeout=ANSWER_SECONDS)
        try:
            line.connect()
            bounded: Any = BoundedLine(line.sock, deadline, MOST_READ)
            line.sock = bounded
            line.request("POST", self._address.path, body, self._headers)
            status = line.getresponse().status
            bounded.demand_whole_head()
        finally:
            line.close()
        if not 200 <= status < 300:
            raise OSError(f"it answered {status}")

    def _complain(self, error: Exception) -> None:
        if time.monotonic() - self._warned_at < WARN_SECONDS:
            return
        self._warned_at = time.monotonic()
        logger.warning("the collector of traces takes none: %s; %d spans are lost", error, self._lost)
