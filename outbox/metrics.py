"""The outbox's figures for Prometheus: counted where things happen, or read from the database when asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from prometheus_client import Counter, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from outbox.selectors import outbox_status

if TYPE_CHECKING:
    from outbox.engine.batch import BatchResult

PUBLISHED = Counter("qhse_outbox_published_total", "Events published by committed transactions", ["event_type"])
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
_PROCESSED, _RETRIED, _DEAD, _PARKED = (
    DISPATCHED.labels(outcome) for outcome in ("processed", "retried", "dead", "parked")
)


def observe_published(event_types: Iterable[str]) -> None:
    for event_type in event_types:
        PUBLISHED.labels(event_type).inc()


def observe_batch(result: BatchResult, waits: Sequence[float], seconds: float) -> None:
    """Count one committed batch; `waits` are the ages of the processed events when they were claimed."""
    for counter, number in (
        (_PROCESSED, result.processed),
        (_RETRIED, result.retried),
        (_DEAD, result.dead),
        (_PARKED, result.parked),
    ):
        counter.inc(number)
    BATCH_SIZE.observe(result.moved)
    DISPATCH_SECONDS.observe(seconds)
    for wait in waits:
        LATENCY_SECONDS.observe(wait + seconds)


def outbox_gauges() -> Iterable[Metric]:
    status = outbox_status()
    depth = GaugeMetricFamily("qhse_outbox_events", "Events not processed yet", labels=["state"])
    depth.add_metric(["pending"], status.pending)
    depth.add_metric(["due"], status.due)
    depth.add_metric(["waiting"], status.waiting)
    depth.add_metric(["unknown"], status.unknown)
    depth.add_metric(["dead"], status.dead)
    yield depth
    yield GaugeMetricFamily(
        "qhse_outbox_oldest_pending_seconds",
        "Age of the oldest pending event; 0 when there is none",
        value=status.oldest_pending_seconds or 0.0,
    )
