"""Who falsifies the audit trail, with all rights and the triggers off; see `ways`."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import connection, transaction
from django.db.models import QuerySet

from audit.models import AuditEntry, AuditSeal, SealedEntry
from audit.proof.guards import TABLES, name_of

M = TypeVar("M", AuditEntry, AuditSeal, SealedEntry)

Culprit = tuple[str, int]
"""What a verifier must name, as in its findings: `entry` and an id, `seal` and a number, or `trail` and 0."""


@dataclass(frozen=True, slots=True)
class Tampering:
    """
    One falsification that was made; a verifier must name one of the culprits, and nothing that is not affected.

    `leaves` are statements, to be sent once the triggers are on again.
    """

    name: str
    culprits: frozenset[Culprit]
    affected: frozenset[Culprit]
    leaves: tuple[str, ...] = ()

    def is_found(self, found: set[Culprit]) -> bool:
        return bool(self.culprits & found) and found <= self.culprits | self.affected


class NothingToFalsify(Exception):
    """The trail holds nothing that could be falsified in this way."""


class Tamperer:
    """
    Falsifies a trail, however small it is.

    It must be called with the triggers off, in a transaction that is rolled back or in a database that is thrown away:
    `falsified` does both. Constraints that stand in the way are dropped.
    """

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self._affected: set[Culprit] = set()
        self._leaves: list[str] = []

    def tamper(self, name: str = "") -> Tampering:
        """
        Falsify something, in the way of this name, or in a random one of those that this trail allows.

        Raises NothingToFalsify if there is none.
        """
        ways = [WAYS[name]] if name else self.chance.sample(list(WAYS.values()), len(WAYS))
        for way in ways:
            self._affected, self._leaves = set(), []
            try:
                culprits = way(self)
            except NothingToFalsify:
                continue
            return Tampering(way.__name__, frozenset(culprits), frozenset(self._affected), tuple(self._leaves))
        raise NothingToFalsify(name or "any way")

    def leaves(self, *statements: str) -> None:
        """Have statements sent when the triggers are on again."""
        self._leaves += statements

    def affects(self, *seals: int, entries: Iterable[int] = ()) -> None:
        """Say what else is no longer as it was, and may be named too."""
        self._affected |= {("seal", number) for number in seals} | {("entry", pk) for pk in entries}

    # What it picks from. A way picks before it changes anything, so that a way which is not possible leaves no trace.

    def one_of(self, rows: QuerySet[M]) -> M:
        """Return a random one of these rows, which are in a fixed order. Raises NothingToFalsify without any."""
        (row,) = self.some_of(rows, 1)
        return row

    def some_of(self, rows: QuerySet[M], number: int) -> list[M]:
        there = rows.count()
        if there < number:
            raise NothingToFalsify
        return [rows[at] for at in self.chance.sample(range(there), number)]

    def row(self, seal: int | None = None) -> SealedEntry:
        rows = SealedEntry.objects.order_by("entry_id")
        return self.one_of(rows.filter(seal_id=seal) if seal else rows)

    def entry(self) -> AuditEntry:
        """Return a sealed entry."""
        entry: AuditEntry = AuditEntry.objects.get(pk=self.row().entry_id)
        return entry

    def unsealed(self) -> AuditEntry:
        entry: AuditEntry = self.one_of(AuditEntry.objects.unsealed().order_by("pk"))
        return entry

    def any_entry(self) -> AuditEntry:
        """Return a sealed or an unsealed entry, which are as likely if there are both."""
        for pick in self.chance.sample([self.entry, self.unsealed], 2):
            with suppress(NothingToFalsify):
                return pick()
        raise NothingToFalsify

    def lie_about(self, entry: AuditEntry) -> tuple[str, Any]:
        """Return a field and a value that it has not."""
        return self.chance.choice(
            [item for item in sorted(FALSE.items(), key=str) if getattr(entry, item[0]) != item[1]]
        )

    def seal(self, *, entries: int = 1) -> AuditSeal:
        """Return a seal that covers at least so many entries."""
        return self.one_of(AuditSeal.objects.filter(entry_count__gte=entries).order_by("number"))

    def followed_seal(self) -> AuditSeal:
        """Return a seal that is not the last."""
        return self.one_of(AuditSeal.objects.filter(number__lt=self.last_seal().number).order_by("number"))

    def last_seal(self) -> AuditSeal:
        seal: AuditSeal | None = AuditSeal.objects.order_by("-number").first()
        if seal is None:
            raise NothingToFalsify
        return seal

    def two_seals(self) -> list[AuditSeal]:
        return self.some_of(AuditSeal.objects.order_by("number"), 2)


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


@contextmanager
def falsified(tamperer: Tamperer, name: str = "", *, keep: bool = False) -> Iterator[Tampering]:
    """
    Falsify something with the triggers off. They are on again within, and all is as before afterwards, unless `keep`.

    Raises NothingToFalsify like `tamper`.
    """
    with transaction.atomic():
        with _triggers_off():
            tampering = tamperer.tamper(name)
        with connection.cursor() as cursor:
            for statement in tampering.leaves:
                cursor.execute(statement)
        yield tampering
        transaction.set_rollback(not keep)


@contextmanager
def _triggers_off() -> Iterator[None]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks to come cannot be altered
            names = [(table, name_of(table, what)) for table in TABLES for what in ("update_or_delete", "truncate")]
            off = [f"ALTER TABLE {table} DISABLE TRIGGER {name}" for table, name in names]
            on = [f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}" for table, name in names]
        else:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'audit%%'")
            triggers = cursor.fetchall()
            off, on = [f"DROP TRIGGER {name}" for name, _ in triggers], [sql for _, sql in triggers]
        for statement in off:
            cursor.execute(statement)
        yield
        for statement in on:
            cursor.execute(statement)
