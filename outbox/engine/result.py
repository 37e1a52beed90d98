"""What a batch did, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class BatchResult:
    """`held_by_others` counts due events that it could not have, because another worker holds their aggregate."""

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
        """Return how many events changed their state: zero means that nothing could be done."""
        return self.processed + self.retried + self.dead + self.parked
