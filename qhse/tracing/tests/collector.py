"""A collector of the tests: it takes OTLP by HTTP on this machine, and reads it as anybody would."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Seen:
    """A span as it arrived."""

    name: str
    service: str
    kind: int
    trace: bytes
    id: bytes
    parent: bytes
    links: tuple[tuple[bytes, bytes], ...]
    attributes: dict[str, Any]
    nanoseconds: int
    has_failed: bool

    @property
    def place(self) -> tuple[bytes, bytes]:
        """What a link to it says."""
        return (self.trace, self.id)


class Collector:
    """A context manager: an HTTP server in threads. `answer` is called for each request, and returns the status."""

    def __init__(self, answer: Callable[[], int] = lambda: 200) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.requests.append((self.path, dict(self.headers), body))
                self.send_response(answer())
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Collector:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def spans(self) -> list[Seen]:
        found = []
        for _, _, body in self.requests:
            for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                service = {pair.key: pair.value.string_value for pair in of_resource.resource.attributes}
                for of_scope in of_resource.scope_spans:
                    found += [_seen(span, service["service.name"]) for span in of_scope.spans]
        return found


def _seen(span: Any, service: str) -> Seen:
    return Seen(
        name=span.name,
        service=service,
        kind=span.kind,
        trace=span.trace_id,
        id=span.span_id,
        parent=span.parent_span_id,
        links=tuple((link.trace_id, link.span_id) for link in span.links),
        attributes={pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in span.attributes},
        nanoseconds=span.end_time_unix_nano - span.start_time_unix_nano,
        has_failed=span.status.code == span.status.STATUS_CODE_ERROR,
    )
