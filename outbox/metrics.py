"""The outbox's figures for Prometheus. They tell what was published, and what is in the outbox now."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import Counter
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from outbox.selectors import outbox_status

PUBLISHED = Counter("qhse_outbox_published_total", "Events published by committed transactions", ["event_type"])


def observe_published(event_types: Iterable[str]) -> None:
    for event_type in event_types:
        PUBLISHED.labels(event_type).inc()


def outbox_gauges() -> Iterable[Metric]:
    status = outbox_status()
    depth = GaugeMetricFamily("qhse_outbox_events", "Events not processed yet", labels=["state"])
    for state in ("pending", "due", "waiting", "unknown", "dead"):
        depth.add_metric([state], getattr(status, state))
    yield depth
    yield GaugeMetricFamily(
        "qhse_outbox_oldest_pending_seconds",
        "Age of the oldest pending event; 0 when there is none",
        value=status.oldest_pending_seconds or 0.0,
    )
