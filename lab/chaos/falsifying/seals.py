"""Ways to falsify seals and what they list."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from django.db import connection

from audit.models import AuditEntry, AuditSeal, SealedEntry
from audit.proof.documents import entry_document, seal_document
from audit.proof.marks import mark_of
from audit.proof.merkle import merkle_root
from audit.proof.verify_export import leaf, seal_hash
from lab.chaos.falsifying.tamperer import (
    Culprit,
    NothingToFalsify,
    Tamperer,
    all_of,
    free_id,
    insert,
    remove,
    way,
)


@way
def change_the_mark_of_a_seal(by: Tamperer) -> set[Culprit]:
    seal = by.seal()
    all_of(AuditSeal, pk=seal.number).update(mark=by.chance.choice(["", f"{seal.mark[:8]}:{'0' * 64}"]))
    return {("seal", seal.number)}


@way
def change_an_entry_and_its_digest(by: Tamperer) -> set[Culprit]:
    row = by.row()
    entry = AuditEntry.objects.get(pk=row.entry_id)
    all_of(AuditEntry, pk=entry.pk).update(reason=f"{entry.reason} (as agreed)")
    digest = leaf(entry_document(AuditEntry.objects.get(pk=row.entry_id)))
    all_of(SealedEntry, pk=row.pk).update(digest=digest)
    by.affects(entries=[row.entry_id])
    return {("seal", row.seal_id)}


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
def insert_and_seal(by: Tamperer) -> set[Culprit]:
    """What needs no more than the right to insert: an entry, and a seal over it that continues the chain."""
    head, entry = by.last_seal(), by.entry()
    entry.pk, entry.uid, entry.reason = free_id(), uuid4(), "was always here"
    entry.mark = by.chance.choice(["", entry.mark])
    insert(entry)
    digest = leaf(entry_document(entry))
    seal = AuditSeal(
        number=head.number + 1, previous_hash=head.hash, merkle_root=merkle_root([digest]).hex(), entry_count=1,
        total=head.total + 1, horizon=by.chance.choice([head.horizon, head.sealed_at + timedelta(days=365_000)]),
        sealed_at=head.sealed_at, mark=by.chance.choice(["", head.mark]),
    )  # fmt: skip
    seal.hash = seal_hash(seal_document(seal))
    AuditSeal.objects.bulk_create([seal])
    SealedEntry.objects.bulk_create([SealedEntry(entry_id=entry.pk, seal=seal, position=0, digest=digest)])
    by.affects(entries=[entry.pk])
    return {("seal", seal.number)}


@way
def insert_a_seal_without_a_mark(by: Tamperer) -> set[Culprit]:
    """With no more than the right to insert: right behind the last one, or far ahead."""
    head = by.last_seal()
    number = by.chance.choice([head.number + 1, head.number + 2, 2_000_000_000])
    if number <= head.number:
        raise NothingToFalsify
    AuditSeal.objects.bulk_create([AuditSeal(
        number=number, previous_hash=head.hash, merkle_root="0" * 64, entry_count=1, total=head.total + 1,
        horizon=head.horizon, sealed_at=head.sealed_at, hash="0" * 64, mark="",
    )])  # fmt: skip
    return {("seal", number)}


@way
def put_an_entry_into_an_old_seal(by: Tamperer) -> set[Culprit]:
    """With no more than the right to insert: an entry that waits for its seal then has one, and will get none."""
    entry, seal = by.unsealed(), by.seal()
    place = by.chance.choice([seal.entry_count, 100_000])
    SealedEntry.objects.bulk_create([SealedEntry(entry_id=entry.pk, seal=seal, position=place, digest=b"")])
    return {("entry", entry.pk)}


@way
def put_an_entry_into_a_seal_to_come(by: Tamperer) -> set[Culprit]:
    entry, number = by.unsealed(), by.last_seal().number + by.chance.choice([1, 60_000])
    SealedEntry.objects.bulk_create([SealedEntry(entry_id=entry.pk, seal_id=number, position=0, digest=b"")])
    by.affects(number)
    return {("entry", entry.pk)}


@way
def make_a_seal_unreadable(by: Tamperer) -> set[Culprit]:
    seal = by.seal()
    # SQLite's driver takes what it cannot read for none, which a horizon may be.
    column = by.chance.choice(["horizon", "sealed_at"]) if connection.vendor == "postgresql" else "sealed_at"
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE audit_auditseal SET {column} = 'infinity' WHERE number = %s", [seal.number])
    return {("seal", seal.number)}


@way
def reorder_a_block(by: Tamperer) -> set[Culprit]:
    seal = by.seal(entries=2)
    first, second = by.some_of(SealedEntry.objects.filter(seal_id=seal.number).order_by("position"), 2)
    spare = 1_000_000
    for row, place in ((first, spare), (second, first.position), (first, second.position)):
        all_of(SealedEntry, pk=row.pk).update(position=place)
    return {("seal", seal.number)}


@way
def move_an_entry_to_another_block(by: Tamperer) -> set[Culprit]:
    first, second = by.two_seals()
    row = by.row(first.number)
    all_of(SealedEntry, pk=row.pk).update(seal_id=second.number, position=second.entry_count)
    by.affects(entries=[row.entry_id])
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
    by.affects(first.number + 1, second.number + 1, entries=[row.entry_id for block in rows.values() for row in block])
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
    if name == "hash":
        by.affects(seal.number + 1)  # which names another one as the seal before it
    return {("seal", seal.number)}


@way
def edit_a_seal_and_its_hash(by: Tamperer) -> set[Culprit]:
    seal = by.followed_seal()
    seal.sealed_at -= timedelta(days=1)
    all_of(AuditSeal, pk=seal.number).update(sealed_at=seal.sealed_at, hash=seal_hash(seal_document(seal)))
    by.affects(seal.number + 1)
    return {("seal", seal.number)}


@way
def edit_a_seal_with_the_key(by: Tamperer) -> set[Culprit]:
    """It bears a good mark afterwards; that the next one does not follow it tells."""
    seal = by.followed_seal()
    seal.sealed_at += timedelta(microseconds=1)
    all_of(AuditSeal, pk=seal.number).update(
        sealed_at=seal.sealed_at, hash=seal_hash(seal_document(seal)), mark=mark_of(seal)
    )
    return {("seal", seal.number + 1)}


@way
def write_the_end_anew(by: Tamperer) -> set[Culprit]:
    """Everything is consistent afterwards, and marked with the key; only a checkpoint can tell."""
    seal = by.last_seal()
    row = by.row(seal.number)
    entry = AuditEntry.objects.get(pk=row.entry_id)
    entry.reason += " (as agreed)"
    all_of(AuditEntry, pk=row.entry_id).update(reason=entry.reason, mark=mark_of(entry))
    all_of(SealedEntry, pk=row.pk).update(digest=leaf(entry_document(AuditEntry.objects.get(pk=row.entry_id))))
    rows = SealedEntry.objects.filter(seal_id=seal.number).order_by("position")
    seal.merkle_root = merkle_root([bytes(row.digest) for row in rows]).hex()
    all_of(AuditSeal, pk=seal.number).update(
        merkle_root=seal.merkle_root, hash=seal_hash(seal_document(seal)), mark=mark_of(seal)
    )
    return {("seal", seal.number)}


@way
def cut_the_tail(by: Tamperer) -> set[Culprit]:
    last = by.last_seal().number
    first = last - by.chance.randrange(2)
    ids = list(SealedEntry.objects.filter(seal_id__gte=first).values_list("entry_id", flat=True))
    remove(SealedEntry, seal_id__gte=first)
    remove(AuditEntry, pk__in=ids)
    remove(AuditSeal, number__gte=first)
    return {("seal", last)}


@way
def take_a_seal_out(by: Tamperer) -> set[Culprit]:
    seal = by.followed_seal()
    by.affects(entries=SealedEntry.objects.filter(seal_id=seal.number).values_list("entry_id", flat=True))
    remove(SealedEntry, seal_id=seal.number)
    remove(AuditSeal, pk=seal.number)
    return {("seal", seal.number)}
