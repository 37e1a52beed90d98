"""What a demo supplier was at any time: what its row says only as of today."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Generic, TypeVar

from suppliers.demo.cast import Part

T = TypeVar("T")


@dataclass(slots=True)
class Values(Generic[T]):
    """The values of one field, in the order of time."""

    known: list[tuple[datetime, T]] = field(default_factory=list)

    def add(self, since: datetime, value: T) -> None:
        self.known.append((since, value))

    def on(self, day: date) -> T:
        """Return the value at the end of a day in UTC. Before the first one it is that."""
        value = self.known[0][1]
        for since, each in self.known:
            if since.astimezone(UTC).date() <= day:
                value = each
        return value


@dataclass(slots=True)
class Past:
    """One supplier of the cast, with what changed about it and when."""

    part: Part
    supplier_id: int
    created: datetime
    declared: Values[date | None] = field(default_factory=Values)
    required: Values[tuple[str, ...]] = field(default_factory=Values)
    status: Values[str] = field(default_factory=Values)
