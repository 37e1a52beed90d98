"""What a batch leaves in traces: a span of its own, and for each recorded event one by each of its handlers."""

from __future__ import annotations

from collections.abc import Sequence

from outbox.engine.claimed import ClaimedEvent
from outbox.registry import Handler
from qhse import tracing


def traced(handler: Handler, events: Sequence[ClaimedEvent]) -> tracing.Span:
    """Return the span of a handler's call, to be entered. It goes on with the traces of its events."""
    if not tracing.is_on():
        return tracing.NOTHING
    name = f"handle {handler.name}"
    if len(events) > 1:
        # Most events are not recorded. What would be said of them is not even put together.
        return tracing.call(
            name,
            [tracing.Cause(each.carrier, each.request_id or "", _about(each)) for each in events if each.traceparent],
        )
    (event,) = events
    about = _about(event) if event.traceparent else {}
    return tracing.span(name, carrier=event.carrier, kind=tracing.Kind.CONSUMER, is_linked=True, **about)


def _about(event: ClaimedEvent) -> dict[str, str | int]:
    return {
        "messaging.message.id": str(event.event_id),
        "qhse.event_type": event.event_type,
        "qhse.aggregate_type": event.aggregate_type,
        "qhse.attempts": event.attempts,
    }
