"""The outbox's figures for Prometheus, read from the database when asked."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from outbox.selectors import outbox_status


def outbox_gauges() -> Iterable[Metric]:
    status = outbox_status()
    depth = GaugeMetricFamily("qhse_outbox_events", "Events not processed yet", labels=["state"])
    depth.add_metric(["pending"], status.pending)
    depth.add_metric(["due"], status.due)
    depth.add_metric(["dead"], status.dead)
    yield depth
    yield GaugeMetricFamily(
        "qhse_outbox_oldest_pending_seconds",
        "Age of the oldest pending event; 0 when there is none",
        value=status.oldest_pending_seconds or 0.0,
    )
