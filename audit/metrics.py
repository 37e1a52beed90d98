"""The trail's figures for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from audit.proof.reading import oldest_waiting
from qhse.database import database_time


def audit_gauges() -> Iterable[Metric]:
    waiting = oldest_waiting()
    yield GaugeMetricFamily(
        "qhse_audit_unsealed_seconds",
        "Age of the oldest audit entry that waits for its seal; 0 when there is none",
        value=max(0.0, (database_time() - waiting.created_at).total_seconds()) if waiting else 0.0,
    )
