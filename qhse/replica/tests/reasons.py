"""Where a read is made, and why."""

from __future__ import annotations

from collections import Counter
from typing import Any

from qhse.replica.metrics import READS
from qhse.replica.reading import Reader


def reads() -> Counter[tuple[str, str]]:
    """Count reads so far by place and reason."""
    return Counter(
        {
            (sample.labels["made_on"], sample.labels["reason"]): int(sample.value)
            for metric in READS.collect()
            for sample in metric.samples
            if sample.name.endswith("_total")
        }
    )


def why(user: Any, **options: Any) -> tuple[str, str]:
    """Return the place that a reader of this user gets, and why."""
    before = reads()
    reader = Reader(user, **options)
    ((place, reason),) = reads() - before
    assert place == reader.using
    return place, reason
