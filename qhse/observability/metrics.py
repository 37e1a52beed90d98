"""Prometheus metrics. What the database knows better is read from it when /metrics is asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import Metric

from qhse.observability.shared_counters import VARIABLE, SharedCounters

REQUESTS = Counter("qhse_http_requests_total", "HTTP requests answered", ["route", "method", "status"])
REQUEST_SECONDS = Histogram(
    "qhse_http_request_seconds",
    "Time from the first middleware to the answer",
    ["route", "method"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
PASSWORD_HASHES = Counter("qhse_password_hashes_total", "Passwords hashed, to check one or to set one")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def observe_request(*, route: str, method: str, status: int, seconds: float) -> None:
    """Count one answered request by its route pattern. By path, a client could make series."""
    method = method if method in _METHODS else "other"
    REQUESTS.labels(route, method, str(status)).inc()
    REQUEST_SECONDS.labels(route, method).observe(seconds)


GaugeSource = Callable[[], Iterable[Metric]]
_sources: list[GaugeSource] = []


def add_source(source: GaugeSource) -> None:
    """
    Register a function that reads figures when /metrics is asked.

    So a figure is right across processes and restarts. A gauge in memory would be one process's opinion.
    """
    _sources.append(source)


class _Sources:
    def collect(self) -> Iterable[Metric]:
        for source in _sources:
            yield from source()


def render() -> bytes:
    """Return the exposition text: all counters and the sources. PROMETHEUS_MULTIPROC_DIR joins processes."""
    registry = CollectorRegistry()
    if os.environ.get(VARIABLE):
        registry.register(SharedCounters())
        registry.register(_Sources())
        return generate_latest(registry)
    registry.register(_Sources())
    return generate_latest(REGISTRY) + generate_latest(registry)
