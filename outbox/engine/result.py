"""What a batch did, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class BatchResult:
    """
    What became of a batch. Other workers hold the aggregates of `held_by_others` due events. So it could not have
    these.
    """

    processed: int = 0
    retried: int = 0
    dead: int = 0
    parked: int = 0
    held_by_others: int = 0
    next_due_seconds: float | None = None

    def __iadd__(self, other: BatchResult) -> BatchResult:
        for name in ("processed", "retried", "dead", "parked", "held_by_others"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.next_due_seconds = other.next_due_seconds
        return self

    @property
    def moved(self) -> int:
        """Return how many events changed their state. Zero means that nothing could be done."""
        return self.processed + self.retried + self.dead + self.parked
