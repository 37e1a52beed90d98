"""
Traces: what a request did, statement by statement, and what became of its events.

A trace begins with a request, which is recorded or not: that is decided once. Whatever follows from a recorded request
is recorded too, and nothing else is. Off, which is the rule, every function here looks at one name and returns.
"""

from __future__ import annotations

import atexit
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings

from qhse.tracing import spans
from qhse.tracing.spans import (
    NOTHING,
    BatchSpan,
    CallSpan,
    Cause,
    Kind,
    Pause,
    RecordedSpan,
    Span,
    Value,
    begins_a_trace,
    new_trace_id,
    parse,
)

if TYPE_CHECKING:
    from qhse.tracing.exporting import Exporter

__all__ = [
    "NOTHING", "Cause", "Kind", "Span", "announce", "batch", "call", "carrier", "is_on", "request", "span", "start",
    "stop", "trace_id",
]  # fmt: skip

STOP_SECONDS = 1.0

_exporter: Exporter | None = None


def start(service: str) -> None:
    """
    Record from now on, if OTEL_EXPORTER_OTLP_ENDPOINT says where to. `service` names this kind of process.

    The thread that sends begins with the first span, in the process that made it. So it outlives every fork.
    """
    global _exporter
    if not settings.OTEL_EXPORTER_OTLP_ENDPOINT or _exporter is not None:
        return
    # Only here: who records nothing pays nothing.
    from qhse.tracing import otlp
    from qhse.tracing.exporting import Exporter
    from qhse.tracing.statements import watch

    encode = partial(otlp.encode, service=service)
    _exporter = Exporter(settings.OTEL_EXPORTER_OTLP_ENDPOINT, settings.OTEL_EXPORTER_OTLP_HEADERS, encode)
    spans.sink = _exporter.keep
    watch()
    atexit.register(stop)


def stop(seconds: float = STOP_SECONDS) -> None:
    """Send what is left, within so long, and record no more."""
    global _exporter
    if _exporter is not None:
        exporter, _exporter = _exporter, None
        atexit.unregister(stop)
        exporter.stop(seconds)


def is_on() -> bool:
    return _exporter is not None


def request(traceparent: str | None) -> Span:
    """
    Return the span of an HTTP request, to be entered. It continues the caller's trace, or may begin one.

    Believe no stranger's `traceparent`: who may name one decides what is recorded, and costs time and room.
    """
    if _exporter is None:
        return NOTHING
    if parent := parse(traceparent):
        if not parent.is_recorded:
            return NOTHING
        return RecordedSpan("request", Kind.SERVER, parent.trace_id, parent.span_id)
    trace = new_trace_id()
    if not begins_a_trace(trace, settings.OTEL_TRACES_SAMPLER_ARG):
        return NOTHING
    return RecordedSpan("request", Kind.SERVER, trace, b"")


def span(
    name: str,
    *,
    carrier: Mapping[str, Any] | None = None,
    kind: Kind = Kind.INTERNAL,
    is_linked: bool = False,
    **attributes: Value,
) -> Span:
    """
    Return a span of any work, to be entered: part of the running one, or of what `carrier` names.

    The headers of an event are a carrier. Without a recorded origin nothing is recorded, and inside of the block
    nothing of what is around it goes on. With `is_linked` the span links to what is around it, such as its batch.
    """
    if _exporter is None:
        return NOTHING
    if carrier is None:
        parent = spans.current()
        if parent is None:
            return NOTHING
        return RecordedSpan(name, kind, parent.trace_id, parent.span_id, dict(attributes))
    origin = parse(carrier.get("traceparent"))
    if origin is None or not origin.is_recorded:
        return _pause()
    continued = RecordedSpan(name, kind, origin.trace_id, origin.span_id, dict(attributes))
    if is_linked and (around := spans.current()) is not None:
        continued.links.append((around.trace_id, around.span_id))
    return continued


def batch(name: str, **attributes: Value) -> Span:
    """
    Return a span of work on several things at once, to be entered: a trace of its own, with links.

    `join` tells it which things. Unless one of them is recorded, it is not.
    """
    return NOTHING if _exporter is None else BatchSpan(name, dict(attributes))


def call(name: str, causes: Sequence[Cause]) -> Span:
    """
    Return the span of one call that has several causes, to be entered. Who has no `traceparent` may be left out.

    Each recorded cause gets a span in its own trace. The statements of the call stand in a span of the running batch,
    which they all link to.
    """
    if _exporter is None:
        return NOTHING
    recorded = [
        (cause, origin)
        for cause in causes
        if (origin := parse(cause.carrier.get("traceparent"))) is not None and origin.is_recorded
    ]
    if not recorded:
        return _pause()
    return CallSpan(name, spans.current(), recorded)


def _pause() -> Span:
    return NOTHING if spans.current() is None else Pause()


def announce(name: str, *, request_id: str | None = None, **attributes: Value) -> dict[str, str]:
    """
    Record that something was put on its way, and return the headers that its reader continues by.

    In a call with several causes, `request_id` says which of them it follows from. The headers are empty when nothing
    is recorded.
    """
    running = None if _exporter is None else spans.current()
    cause = None if running is None else running.cause(request_id)
    if cause is None:
        return {}
    announced = RecordedSpan(name, Kind.PRODUCER, cause.trace_id, cause.span_id, dict(attributes))
    announced.finish()
    return announced.carrier()


def carrier() -> dict[str, str]:
    """Return headers for what the running work sends elsewhere. They are empty when nothing is recorded."""
    running = None if _exporter is None else spans.current()
    cause = None if running is None else running.cause(None)
    return {} if cause is None else cause.carrier()


def trace_id() -> str:
    """Return the id of the trace that is being recorded, in the form of tools, or nothing."""
    running = None if _exporter is None else spans.current()
    return "" if running is None else running.trace_id.hex()
