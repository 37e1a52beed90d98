"""Spans on the wire: OTLP as protobuf, by the messages that OpenTelemetry publishes. The one place that needs them."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Status

from qhse.tracing.spans import RecordedSpan, Value

_SCOPE = InstrumentationScope(name="qhse")


def _sender(service: str) -> Resource:
    instance = f"{socket.gethostname()}-{os.getpid()}"
    values = {"service.namespace": "qhse", "service.name": service, "service.instance.id": instance}
    return Resource(attributes=[_attribute(*pair) for pair in values.items()])


def encode(spans: Iterable[RecordedSpan], *, service: str) -> bytes:
    """
    Return the body of one request to a collector. The service and this process are who sends it.

    Protobuf reads messages that follow each other as one. So what spans share, such as the text of a statement, is
    encoded once: 4 µs a span in place of 10.
    """
    scope = _bytes(ScopeSpans(scope=_SCOPE))
    scope += b"".join(_inside(ScopeSpans.SPANS_FIELD_NUMBER, _span(each)) for each in spans)
    sent = _bytes(ResourceSpans(resource=_sender(service)))
    sent += _inside(ResourceSpans.SCOPE_SPANS_FIELD_NUMBER, scope)
    return _inside(ExportTraceServiceRequest.RESOURCE_SPANS_FIELD_NUMBER, sent)


def _inside(field: int, message: bytes) -> bytes:
    """Return a message as a field of another one: number and kind, length in groups of seven bits, content."""
    head, length = bytearray((field << 3 | 2,)), len(message)
    while length > 0x7F:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head) + message


def _span(span: RecordedSpan) -> bytes:
    shared = _shared(span.name, int(span.kind), tuple(span.attributes.items()))
    message = trace_pb2.Span(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=span.parent_id,
        start_time_unix_nano=span.began_at,
        end_time_unix_nano=max(span.ended_at, span.began_at),  # clocks are set back
    )
    if span.failed:
        message.status.code = Status.STATUS_CODE_ERROR
        message.attributes.append(_attribute("error.type", span.failed))
    for trace_id, span_id in span.links:
        message.links.add(trace_id=trace_id, span_id=span_id, flags=1)
    return shared + _bytes(message)


@lru_cache(1024)  # statements are few; spans with ids fall out again
def _shared(name: str, kind: int, attributes: tuple[tuple[str, Value], ...]) -> bytes:
    described = [_attribute(*pair) for pair in attributes]
    message = trace_pb2.Span(flags=1, name=name, kind=kind, attributes=described)  # type: ignore[arg-type]
    return _bytes(message)


def _bytes(message: Any) -> bytes:
    encoded: bytes = message.SerializeToString()
    return encoded


def _attribute(name: str, value: Value) -> KeyValue:
    if isinstance(value, int):
        return KeyValue(key=name, value=AnyValue(int_value=value))
    return KeyValue(key=name, value=AnyValue(string_value=value))
