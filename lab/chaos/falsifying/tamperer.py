"""Who falsifies the audit trail, with all rights and the triggers off; see `tamper` for the ways."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from audit.models import AuditEntry, AuditSeal, SealedEntry

Culprit = tuple[str, int]
"""What a verifier must name, as in its findings: `entry` and an id, or `seal` and a number."""


@dataclass(frozen=True, slots=True)
class Tampering:
    """One falsification that was made; a verifier must name one of the culprits, and nothing that is not affected."""

    name: str
    culprits: frozenset[Culprit]
    affected: frozenset[Culprit]

    def is_found(self, found: set[Culprit]) -> bool:
        return bool(self.culprits & found) and found <= self.culprits | self.affected


class Tamperer:
    """
    Falsifies a trail that has at least four seals of three entries and some unsealed entries.

    It must be called in a transaction that is rolled back, with the triggers off. Constraints that stand in the way
    are dropped.
    """

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self._affected: set[Culprit] = set()

    def tamper(self, name: str = "") -> Tampering:
        """Falsify something, in the way of this name or a random one."""
        way = WAYS[name] if name else self.chance.choice(list(WAYS.values()))
        self._affected = set()
        culprits = way(self)
        return Tampering(way.__name__, frozenset(culprits), frozenset(self._affected))

    def affects(self, *seals: int, entries: Iterable[int] = ()) -> None:
        """Say what else is no longer as it was, and may be named too."""
        self._affected |= {("seal", number) for number in seals} | {("entry", pk) for pk in entries}

    # What it picks from

    def entry(self) -> AuditEntry:
        return AuditEntry.objects.get(pk=self.row().entry_id)

    def row(self, seal: int | None = None) -> SealedEntry:
        rows = SealedEntry.objects.order_by("entry_id")
        rows = rows.filter(seal_id=seal) if seal else rows
        row: SealedEntry = rows[self.chance.randrange(rows.count())]
        return row

    def unsealed(self) -> AuditEntry:
        entry: AuditEntry = self.chance.choice(list(AuditEntry.objects.unsealed().order_by("pk")))
        return entry

    def lie_about(self, entry: AuditEntry) -> tuple[str, Any]:
        """Return a field and a value that it has not."""
        return self.chance.choice(
            [item for item in sorted(FALSE.items(), key=str) if getattr(entry, item[0]) != item[1]]
        )

    def seal(self, *, last: bool = True) -> AuditSeal:
        seals = list(AuditSeal.objects.order_by("number"))
        return self.chance.choice(seals if last else seals[:-1])

    def two_seals(self) -> tuple[AuditSeal, AuditSeal]:
        first, second = self.chance.sample(list(AuditSeal.objects.order_by("number")), 2)
        return first, second


def all_of(model: Any, **chosen: Any) -> QuerySet[Any]:
    """Return rows without the manager that refuses to change them."""
    return QuerySet(model).filter(**chosen)


def remove(model: Any, **chosen: Any) -> None:
    all_of(model, **chosen)._raw_delete(connection.alias)


def insert(entry: AuditEntry) -> None:
    rows: QuerySet[Any] = QuerySet(AuditEntry)
    rows.bulk_create([entry])


WAYS: dict[str, Callable[[Tamperer], set[Culprit]]] = {}


def way(function: Callable[[Tamperer], set[Culprit]]) -> Callable[[Tamperer], set[Culprit]]:
    WAYS[function.__name__] = function
    return function


FALSE: dict[str, Any] = {
    "actor": "somebody else", "actor_id": 987_654, "actor_role": "admin", "action": "NC_CLOSED", "entity_type": "other",
    "entity_id": "4711", "changes": {"status": ["open", "closed"]}, "reason": "as agreed", "source": "command",
    "request_id": "r-1", "client_address": "203.0.113.9", "actor_digest": "0" * 64,
}  # fmt: skip


def drop_primary_key() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("ALTER TABLE audit_auditentry DROP CONSTRAINT audit_auditentry_pkey")
            return
        # SQLite's key is the table itself; so one without, in its place. Its indexes and triggers go.
        cursor.execute("CREATE TABLE copy AS SELECT * FROM audit_auditentry")
        cursor.execute("DROP TABLE audit_auditentry")
        cursor.execute("ALTER TABLE copy RENAME TO audit_auditentry")


def free_id() -> int:
    newest: int = AuditEntry.objects.order_by("-pk").values_list("pk", flat=True)[0]
    return newest + 1_000
