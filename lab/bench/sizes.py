"""How much a run measures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """
    The sizes of all benchmarks.

    `done` handled events lie in the table all the time, so that it looks like one in use.
    """

    rounds: int = 5
    workers: tuple[int, ...] = (1, 2, 4)
    batch_sizes: tuple[int, ...] = (1, 10, 100, 500)
    small_backlog: int = 2_000
    backlog: int = 20_000
    done: int = 40_000
    publishes: int = 1_000
    publish_seconds: float = 3.0
    arrivals: int = 600
    idle_seconds: float = 60.0
    audit_writes: int = 1_000
    burst: int = 200_000
    audit_entries: int = 1_000_000
    history: int = 10_000_000
    aggregates: tuple[int, ...] = (30, 2_000, 20_000)
    waiting: int = 100_000
    failing: int = 60_000
    under_snapshot: int = 20_000
    failing_seconds: float = 10.0
    http_rows: tuple[int, ...] = (200_000, 1_000_000)
    http_connections: tuple[int, ...] = (8, 32)
    http_rounds: int = 3
    http_seconds: float = 3.0
    suppliers: int = 20_000
    certificates: int = 50_000
    cases: int = 1_000_000
    imported: int = 10_000
    few_keys: int = 1_000
    keys: int = 10_000_000
    key_requests: int = 200

    def events(self, batch_size: int) -> int:
        """Return how many events a drain in batches of this size handles: about a second's work."""
        return min(self.backlog, self.small_backlog * batch_size)


FULL = Sizes()
QUICK = Sizes(
    rounds=1,
    workers=(1, 2),
    batch_sizes=(1, 100),
    small_backlog=20,
    backlog=200,
    done=400,
    publishes=5,
    publish_seconds=0.2,
    arrivals=10,
    idle_seconds=1.0,
    audit_writes=5,
    burst=3_000,
    audit_entries=2_000,
    history=1_000_000,
    aggregates=(30, 200),
    waiting=1_000,
    failing=100,
    under_snapshot=200,
    failing_seconds=1.0,
    http_rows=(2_000, 4_000),
    http_connections=(2,),
    http_rounds=1,
    http_seconds=0.2,
    suppliers=200,
    certificates=500,
    cases=2_000,
    imported=100,
    few_keys=100,
    keys=1_000,
    key_requests=5,
)
