"""What relays measure, for Prometheus."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import Counter, Gauge, Histogram

SENT = Counter("qhse_relay_sent_total", "Messages that the other side has taken", ["channel"])
REFUSED = Counter("qhse_relay_refused_total", "Messages that were not taken", ["channel", "why"])
AWAY = Counter("qhse_relay_broker_away_total", "Times that the broker was found away, blocked or without its exchange")
BLOCKED = Gauge("qhse_relay_blocked", "1 while this relay cannot publish", multiprocess_mode="livemax")
LATENCY_SECONDS = Histogram(
    "qhse_relay_publish_to_taken_seconds",
    "Time from the publishing statement to the look that took the event along; its confirm follows in milliseconds",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60, 300, 3600),
)


def observe_sent(channel: str, waits: Sequence[float]) -> None:
    """Count what was taken. The ages of the events are `waits`."""
    SENT.labels(channel).inc(len(waits))
    for seconds in waits:
        LATENCY_SECONDS.observe(seconds)
