"""How the replica is now, for Prometheus."""

from __future__ import annotations

import math
from collections.abc import Iterable

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from qhse.replica.asking import age_of_replica


def replica_gauges() -> Iterable[Metric]:
    """Return whether the replica answers, and how old it is. It never raises: the database's figures go on."""
    age = age_of_replica()
    yield GaugeMetricFamily(
        "qhse_replica_up", "1 when the replica answers as a copy of the primary, else 0", value=age is not None
    )
    yield GaugeMetricFamily(
        "qhse_replica_lag_seconds",
        "Age of the newest beat on the replica, two seconds of which are the beat's own; +Inf when nothing proves it",
        value=math.inf if age is None else age,
    )
