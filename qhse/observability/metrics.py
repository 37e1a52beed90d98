"""Prometheus metrics. What the database knows better is read from it when /metrics is asked."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable

from django.db import DatabaseError, InterfaceError, connections
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest, start_http_server
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from qhse.observability.shared_counters import VARIABLE, SharedCounters

logger = logging.getLogger("qhse.metrics")

REQUESTS = Counter("qhse_http_requests_total", "HTTP requests answered", ["route", "method", "status"])
REQUEST_SECONDS = Histogram(
    "qhse_http_request_seconds",
    "Time from the first middleware to the answer",
    ["route", "method"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
PASSWORD_HASHES = Counter("qhse_password_hashes_total", "Passwords hashed, to check one or to set one")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def counted_method(method: str | None) -> str:
    """Return the method, unless it is one that a client has made up."""
    return method if method in _METHODS else "other"


def observe_request(*, route: str, method: str, status: int, seconds: float) -> None:
    """Count one answered request by its route pattern. By path, a client could make series."""
    method = counted_method(method)
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


class Figures:
    """
    What this process can tell: all counters, those of other processes with PROMETHEUS_MULTIPROC_DIR, and the sources.

    While the database is away, the sources are left out. The counters still tell what happens meanwhile.
    """

    def collect(self) -> Iterable[Metric]:
        yield from SharedCounters().collect() if os.environ.get(VARIABLE) else REGISTRY.collect()
        answers = True
        try:
            for source in _sources:
                yield from list(source())
        except (DatabaseError, InterfaceError) as error:
            logger.warning("figures of the database are missing in /metrics: %s", str(error).strip()[:200])
            answers = False  # and no further source is asked: each would wait for it again
        yield GaugeMetricFamily("qhse_database_up", "1 when the database answered, else 0", value=answers)


def render() -> bytes:
    """Return the exposition text."""
    registry = CollectorRegistry()
    registry.register(Figures())
    return generate_latest(registry)


class _FiguresOfAThread:
    """The same for a thread of its own, which leaves no connection behind."""

    def collect(self) -> Iterable[Metric]:
        try:
            return list(Figures().collect())
        finally:
            connections.close_all()


def serve(host: str, port: int) -> None:
    """Answer `/metrics` from a thread, for a process that is no HTTP server. Raises OSError."""
    registry = CollectorRegistry()
    registry.register(_FiguresOfAThread())
    start_http_server(port, addr=host, registry=registry)
