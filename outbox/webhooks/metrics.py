"""What webhooks measure, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import Counter
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from outbox.webhooks.selectors import webhook_status

CALLS = Counter("qhse_webhook_calls_total", "Calls of endpoints, by what came of them", ["outcome"])


def webhook_gauges() -> Iterable[Metric]:
    status = webhook_status()
    endpoints = GaugeMetricFamily("qhse_webhook_endpoints", "Endpoints of webhooks by their state", labels=["state"])
    for state in ("active", "paused", "paused_by_system", "failing"):
        endpoints.add_metric([state], getattr(status, state))
    yield endpoints
    yield GaugeMetricFamily(
        "qhse_webhook_deliveries_waiting", "Deliveries to active endpoints that are not done yet", value=status.waiting
    )
