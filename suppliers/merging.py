"""
What moves with a supplier that is merged into another one: a registry, so that this app knows none of those above it.

An app whose records name suppliers registers a Mover when it starts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from audit.models import AuditEntry
from audit.services import Actor, record_all
from suppliers.models import Supplier

PIECE = 1000  # entries in one statement


class Mover(ABC):
    """
    Moves the records of one kind. It is called in the transaction of the merger.

    Some records are locked before their supplier by those who write them. A merger that took the supplier first could
    wait for them while they wait for it. So it has them locked first, and begins anew if there are others by the time
    it has the supplier.
    """

    def lock(self, supplier_id: int) -> frozenset[int]:
        """Lock the records of a supplier in the order of their ids, and return these."""
        return frozenset()

    def ids(self, supplier_id: int) -> frozenset[int]:
        """Return the records that it has now, of those that `lock` would lock."""
        return frozenset()

    @abstractmethod
    def move(self, source: Supplier, target: Supplier, *, actor: Actor, reason: str) -> int:
        """Move all, with an audit entry each, in as many statements for one as for a thousand. Return how many."""


def record_in_pieces(entries: Iterable[AuditEntry]) -> None:
    """Store any number of audit entries, so many of them in one statement."""
    stored = list(entries)
    for first in range(0, len(stored), PIECE):
        record_all(stored[first : first + PIECE])


_movers: dict[str, Mover] = {}


def register(kind: str, mover: Mover) -> None:
    """Register what moves this kind of record: a number of SupplierMerged that is called so."""
    _movers[kind] = mover


def movers() -> dict[str, Mover]:
    return dict(_movers)
