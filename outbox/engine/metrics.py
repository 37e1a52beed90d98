"""What workers measure of their batches, for Prometheus."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import Counter, Histogram

from outbox.engine.result import BatchResult

DISPATCHED = Counter("qhse_outbox_dispatched_total", "What workers did with events", ["outcome"])
BATCH_SIZE = Histogram(
    "qhse_outbox_batch_events", "Events that a batch moved", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
)
DISPATCH_SECONDS = Histogram(
    "qhse_outbox_dispatch_seconds",
    "Time of a batch from claim to commit",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25),
)
LATENCY_SECONDS = Histogram(
    "qhse_outbox_publish_to_processed_seconds",
    "Time from the publishing statement to the commit of the effects",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60, 300, 3600),
)
# Looked up once: a worker counts thousands of batches a minute, and shows zeros from the start.
_OUTCOMES = {name: DISPATCHED.labels(name) for name in ("processed", "retried", "dead", "parked")}


def observe_batch(result: BatchResult, waits: Sequence[float], seconds: float) -> None:
    """Count one committed batch. The ages of the processed events at their claim are `waits`."""
    for outcome, counter in _OUTCOMES.items():
        counter.inc(getattr(result, outcome))
    BATCH_SIZE.observe(result.moved)
    DISPATCH_SECONDS.observe(seconds)
    for wait in waits:
        LATENCY_SECONDS.observe(wait + seconds)
