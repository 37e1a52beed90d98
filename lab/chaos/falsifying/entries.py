"""Ways to falsify entries."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from django.db import connection

from audit.models import AuditEntry, SealedEntry
from audit.proof.marks import sign
from audit.proof.verify_export import pseudonym_of
from lab.chaos.falsifying.tamperer import (
    Culprit,
    NothingToFalsify,
    Tamperer,
    all_of,
    drop_primary_key,
    free_id,
    insert,
    remove,
    way,
)


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
def change_the_time_of_an_unsealed_entry(by: Tamperer) -> set[Culprit]:
    entry = by.unsealed()
    all_of(AuditEntry, pk=entry.pk).update(created_at=entry.created_at + timedelta(seconds=by.chance.choice([1, 3600])))
    return {("entry", entry.pk)}


@way
def change_a_mark(by: Tamperer) -> set[Culprit]:
    entry = by.any_entry()
    false = by.chance.choice(["", "0" * 73, f"{entry.mark[:8]}:{'0' * 64}", f"{'0' * 8}:{entry.mark[9:]}"])
    all_of(AuditEntry, pk=entry.pk).update(mark=false)
    return {("entry", entry.pk)}


@way
def change_an_unsealed_entry(by: Tamperer) -> set[Culprit]:
    entry = by.unsealed()
    name, value = by.lie_about(entry)
    all_of(AuditEntry, pk=entry.pk).update(**{name: value})
    return {("entry", entry.pk)}


@way
def take_another_name(by: Tamperer) -> set[Culprit]:
    entry = by.entry()
    sign(entry)
    all_of(AuditEntry, pk=entry.pk).update(actor="mallory", actor_salt=entry.actor_salt)
    return {("entry", entry.pk)}


@way
def take_a_name_away(by: Tamperer) -> set[Culprit]:
    """As if the person had been forgotten."""
    entry = by.one_of(AuditEntry.objects.exclude(actor_id=None).exclude(actor_salt="").order_by("pk"))
    all_of(AuditEntry, pk=entry.pk).update(actor=pseudonym_of(entry.actor_id), actor_salt="")
    return {("entry", entry.pk)}


@way
def delete_an_entry(by: Tamperer) -> set[Culprit]:
    entry = by.entry()
    remove(AuditEntry, pk=entry.pk)
    return {("entry", entry.pk)}


@way
def insert_an_entry(by: Tamperer) -> set[Culprit]:
    entry = by.entry()
    entry.pk, entry.uid = free_id(), uuid4()
    entry.reason = "was always here"
    insert(entry)
    return {("entry", entry.pk)}


@way
def insert_a_copy(by: Tamperer) -> set[Culprit]:
    entry = by.entry()
    entry.pk, entry.uid = free_id(), uuid4()
    insert(entry)
    return {("entry", entry.pk)}


@way
def insert_a_second_entry_with_the_same_id(by: Tamperer) -> set[Culprit]:
    entry = by.any_entry()
    drop_primary_key()
    entry.uid, entry.reason = uuid4(), "was always here"
    insert(entry)
    return {("entry", entry.pk)}


@way
def make_an_entry_unreadable(by: Tamperer) -> set[Culprit]:
    entry = by.any_entry()
    deep = "[" * 3_000 + "]" * 3_000
    changes = [f'{{"due": [null, {"9" * 5_000}]}}']
    if connection.vendor == "postgresql":  # SQLite takes no JSON of so many levels
        changes.append(f'{{"due": {deep}}}')
    column, value = by.chance.choice([("created_at", "infinity"), *(("changes", text) for text in changes)])
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE audit_auditentry SET {column} = %s WHERE id = %s", [value, entry.pk])
    return {("entry", entry.pk)}


@way
def insert_with_the_key_into_the_past(by: Tamperer) -> set[Culprit]:
    horizon, entry = by.last_seal().horizon, by.entry()
    if horizon is None:
        raise NothingToFalsify  # no time is closed yet
    entry.pk, entry.uid = free_id(), uuid4()
    entry.created_at = horizon - timedelta(seconds=1)
    sign(entry)
    insert(entry)
    return {("entry", entry.pk)}


@way
def exchange_two_entries(by: Tamperer) -> set[Culprit]:
    first, second = by.some_of(SealedEntry.objects.order_by("entry_id"), 2)
    spare = free_id()
    for old, new in ((first.pk, spare), (second.pk, first.pk), (spare, second.pk)):
        all_of(AuditEntry, pk=old).update(id=new)
    return {("entry", first.pk), ("entry", second.pk)}
