"""Ways in which somebody with all rights, and the triggers off, could falsify the audit trail."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import connection
from django.db.models import QuerySet

from audit.models import AuditEntry, AuditSeal, SealedEntry
from audit.proofs import entry_document, merkle_root, seal_document, sign
from audit.verify_export import leaf, pseudonym_of, seal_hash

Culprit = tuple[str, int]
"""What a verifier must name, as in its findings: `entry` and an id, or `seal` and a number."""


@dataclass(frozen=True, slots=True)
class Tampering:
    """One falsification that was made; a verifier must name one of the culprits."""

    name: str
    culprits: frozenset[Culprit]


class Tamperer:
    """
    Falsifies a trail that has at least four seals of three entries and some unsealed entries.

    It must be called in a transaction that is rolled back, with the triggers off. Constraints that stand in the way
    are dropped.
    """

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def tamper(self, name: str = "") -> Tampering:
        """Falsify something, in the way of this name or a random one."""
        way = WAYS[name] if name else self.chance.choice(list(WAYS.values()))
        return Tampering(way.__name__, frozenset(way(self)))

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


@way
def change_a_field(by: Tamperer) -> set[Culprit]:
    entry = by.entry()
    name, value = by.lie_about(entry)
    all_of(AuditEntry, pk=entry.pk).update(**{name: value})
    return {("entry", entry.pk)}


@way
def change_the_time(by: Tamperer) -> set[Culprit]:
    entry = by.entry()
    all_of(AuditEntry, pk=entry.pk).update(created_at=entry.created_at + timedelta(microseconds=1))
    return {("entry", entry.pk)}


@way
def change_an_unsealed_entry(by: Tamperer) -> set[Culprit]:
    entry = by.unsealed()
    name, value = by.lie_about(entry)
    all_of(AuditEntry, pk=entry.pk).update(**{name: value})
    return {("entry", entry.pk)}


@way
def change_an_entry_and_its_digest(by: Tamperer) -> set[Culprit]:
    row = by.row()
    all_of(AuditEntry, pk=row.entry_id).update(reason="as agreed")
    digest = leaf(entry_document(AuditEntry.objects.get(pk=row.entry_id)))
    all_of(SealedEntry, pk=row.pk).update(digest=digest)
    return {("seal", row.seal_id)}


@way
def take_another_name(by: Tamperer) -> set[Culprit]:
    entry = by.entry()
    sign(entry)
    all_of(AuditEntry, pk=entry.pk).update(actor="mallory", actor_salt=entry.actor_salt)
    return {("entry", entry.pk)}


@way
def take_a_name_away(by: Tamperer) -> set[Culprit]:
    """As if the person had been forgotten."""
    entry: AuditEntry = by.chance.choice(list(AuditEntry.objects.exclude(actor_id=None).order_by("pk")))
    all_of(AuditEntry, pk=entry.pk).update(actor=pseudonym_of(entry.actor_id), actor_salt="")
    return {("entry", entry.pk)}


@way
def delete_an_entry(by: Tamperer) -> set[Culprit]:
    entry = by.entry()
    remove(AuditEntry, pk=entry.pk)
    return {("entry", entry.pk)}


@way
def delete_an_entry_and_its_place(by: Tamperer) -> set[Culprit]:
    row = by.row()
    remove(AuditEntry, pk=row.entry_id)
    remove(SealedEntry, pk=row.pk)
    return {("seal", row.seal_id)}


@way
def delete_a_place(by: Tamperer) -> set[Culprit]:
    row = by.row()
    remove(SealedEntry, pk=row.pk)
    return {("seal", row.seal_id), ("entry", row.entry_id)}


@way
def insert_an_entry(by: Tamperer) -> set[Culprit]:
    entry = by.entry()
    entry.pk, entry.uid = _free_id(), uuid4()
    entry.reason = "was always here"
    insert(entry)
    return {("entry", entry.pk)}


@way
def insert_a_copy(by: Tamperer) -> set[Culprit]:
    entry = by.entry()
    entry.pk, entry.uid = _free_id(), uuid4()
    insert(entry)
    return {("entry", entry.pk)}


@way
def insert_with_the_key_into_the_past(by: Tamperer) -> set[Culprit]:
    horizon = AuditSeal.objects.order_by("-number")[0].horizon
    assert horizon is not None
    entry = by.entry()
    entry.pk, entry.uid = _free_id(), uuid4()
    entry.created_at = horizon - timedelta(seconds=1)
    sign(entry)
    insert(entry)
    return {("entry", entry.pk)}


@way
def exchange_two_entries(by: Tamperer) -> set[Culprit]:
    first, second = by.chance.sample(list(SealedEntry.objects.order_by("entry_id")), 2)
    spare = _free_id()
    for old, new in ((first.pk, spare), (second.pk, first.pk), (spare, second.pk)):
        all_of(AuditEntry, pk=old).update(id=new)
    return {("entry", first.pk), ("entry", second.pk)}


@way
def reorder_a_block(by: Tamperer) -> set[Culprit]:
    seal = by.seal()
    first, second = by.chance.sample(list(SealedEntry.objects.filter(seal_id=seal.number).order_by("position")), 2)
    spare = 1_000_000
    for row, place in ((first, spare), (second, first.position), (first, second.position)):
        all_of(SealedEntry, pk=row.pk).update(position=place)
    return {("seal", seal.number)}


@way
def move_an_entry_to_another_block(by: Tamperer) -> set[Culprit]:
    first, second = by.two_seals()
    row = by.row(first.number)
    all_of(SealedEntry, pk=row.pk).update(seal_id=second.number, position=second.entry_count)
    return {("seal", first.number), ("seal", second.number)}


@way
def exchange_two_blocks(by: Tamperer) -> set[Culprit]:
    first, second = by.two_seals()
    contents = [(first, second), (second, first)]
    all_of(AuditSeal, pk=first.number).update(previous_hash="x" * 64)
    for target, source in reversed(contents):
        all_of(AuditSeal, pk=target.number).update(
            previous_hash=source.previous_hash, merkle_root=source.merkle_root, entry_count=source.entry_count,
            horizon=source.horizon, sealed_at=source.sealed_at, hash=source.hash,
        )  # fmt: skip
    rows = {seal.number: list(SealedEntry.objects.filter(seal_id=seal.number)) for seal in (first, second)}
    for target, source in contents:
        for row in rows[source.number]:
            all_of(SealedEntry, pk=row.pk).update(seal_id=target.number, position=1_000_000 + row.position)
    for row in (*rows[first.number], *rows[second.number]):
        all_of(SealedEntry, pk=row.pk).update(position=row.position)
    return {("seal", first.number), ("seal", second.number)}


@way
def edit_a_seal(by: Tamperer) -> set[Culprit]:
    seal = by.seal()
    edits = {
        "merkle_root": "1" * 64, "entry_count": seal.entry_count + 1, "hash": "2" * 64, "previous_hash": "3" * 64,
        "sealed_at": seal.sealed_at - timedelta(days=1), "horizon": seal.sealed_at - timedelta(days=1),
    }  # fmt: skip
    name, value = by.chance.choice(sorted(edits.items(), key=str))
    all_of(AuditSeal, pk=seal.number).update(**{name: value})
    return {("seal", seal.number)}


@way
def edit_a_seal_and_its_hash(by: Tamperer) -> set[Culprit]:
    seal = by.seal(last=False)
    seal.sealed_at -= timedelta(days=1)
    all_of(AuditSeal, pk=seal.number).update(sealed_at=seal.sealed_at, hash=seal_hash(seal_document(seal)))
    return {("seal", seal.number + 1)}


@way
def write_the_end_anew(by: Tamperer) -> set[Culprit]:
    """Everything is consistent afterwards; only a checkpoint can tell."""
    seal = AuditSeal.objects.order_by("-number")[0]
    row = by.row(seal.number)
    all_of(AuditEntry, pk=row.entry_id).update(reason="as agreed")
    all_of(SealedEntry, pk=row.pk).update(digest=leaf(entry_document(AuditEntry.objects.get(pk=row.entry_id))))
    rows = SealedEntry.objects.filter(seal_id=seal.number).order_by("position")
    seal.merkle_root = merkle_root([bytes(row.digest) for row in rows]).hex()
    all_of(AuditSeal, pk=seal.number).update(merkle_root=seal.merkle_root, hash=seal_hash(seal_document(seal)))
    return {("seal", seal.number)}


@way
def cut_the_tail(by: Tamperer) -> set[Culprit]:
    last = AuditSeal.objects.order_by("-number")[0].number
    first = last - by.chance.randrange(2)
    ids = list(SealedEntry.objects.filter(seal_id__gte=first).values_list("entry_id", flat=True))
    remove(SealedEntry, seal_id__gte=first)
    remove(AuditEntry, pk__in=ids)
    remove(AuditSeal, number__gte=first)
    return {("seal", last)}


@way
def take_a_seal_out(by: Tamperer) -> set[Culprit]:
    seal = by.seal(last=False)
    remove(SealedEntry, seal_id=seal.number)
    remove(AuditSeal, pk=seal.number)
    return {("seal", seal.number)}


def _free_id() -> int:
    newest: int = AuditEntry.objects.order_by("-pk").values_list("pk", flat=True)[0]
    return newest + 1_000
