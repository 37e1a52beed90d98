"""The outbox's figures for Prometheus. They tell what was published, and what is in the outbox now."""

from __future__ import annotations

import math
from collections.abc import Iterable

from prometheus_client import Counter
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from outbox.leaving import leaving_status
from outbox.selectors import outbox_status, workers

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
    yield GaugeMetricFamily(
        "qhse_outbox_oldest_due_seconds",
        "How long the first due event has been due, which is the lag of the workers; 0 when there is none",
        value=status.oldest_due_seconds or 0.0,
    )
    left = leaving_status()
    waiting = GaugeMetricFamily("qhse_relay_messages", "Messages that have not left yet", labels=["state"])
    for state in ("waiting", "put_aside"):
        waiting.add_metric([state], getattr(left, state))
    yield waiting
    yield GaugeMetricFamily(
        "qhse_relay_oldest_seconds",
        "Age of the event that has waited longest to leave, those put aside left out; 0 when there is none",
        value=left.oldest_seconds or 0.0,
    )
    yield GaugeMetricFamily("qhse_relays", "Relays that are connected to the database", value=left.relays)
    seen = workers()
    yield GaugeMetricFamily("qhse_outbox_workers", "Workers that have given a sign of life lately", value=seen.living)
    yield GaugeMetricFamily(
        "qhse_outbox_workers_silent",
        "Workers that should live and give no sign: frozen, hanging, or killed and not started again",
        value=len(seen.silent),
    )
    yield GaugeMetricFamily(
        "qhse_outbox_worker_seen_seconds",
        "Time since the last sign of life of any worker; +Inf when there was none",
        value=math.inf if seen.seen_seconds is None else seen.seen_seconds,
    )
