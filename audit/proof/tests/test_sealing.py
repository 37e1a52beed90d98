"""New entries are sealed in blocks: each in exactly one, in one chain, and nobody waits."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.conftest import write_dated
from audit.models import AuditEntry, AuditSeal, AuditTrailIsAppendOnly, SealedEntry
from audit.proof import sealing
from audit.proof.documents import seal_document
from audit.proof.late import accept_late_entries
from audit.proof.marks import mark_of
from audit.proof.reading import newest_seal
from audit.proof.sealing import seal_new_entries
from audit.proof.tests.exports import check
from audit.proof.verification import Verification
from audit.proof.verify_export import NO_SEAL, seal_hash
from conftest import triggers_off
from qhse.uuid7 import uuid7


def findings() -> list[str]:
    return [str(finding) for finding in Verification().run()]


def test_every_new_entry_is_in_exactly_one_seal(write, small_blocks):
    entries = write(7)

    assert seal_new_entries().sealed == 7

    assert list(AuditSeal.objects.order_by("number").values_list("number", "entry_count")) == [(1, 5), (2, 2)]
    rows = SealedEntry.objects.order_by("seal_id", "position").values_list("seal_id", "position", "entry_id")
    assert list(rows) == [(1 + at // 5, at % 5, entry.pk) for at, entry in enumerate(entries)]


def test_each_seal_names_the_one_before(write, small_blocks):
    write(6)
    seal_new_entries()
    write(1)
    seal_new_entries()

    first, second, third = AuditSeal.objects.order_by("number")

    assert [first.previous_hash, second.previous_hash, third.previous_hash] == [NO_SEAL, first.hash, second.hash]
    assert findings() == []


def test_nothing_new_makes_no_seal(write):
    write()
    seal_new_entries()

    assert seal_new_entries() == sealing.Sealing()
    assert AuditSeal.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_horizon_moves_with_every_pass_of_a_worker_that_seals_something(write, small_blocks):
    sealer = sealing.Sealer()
    for _ in range(4):
        write()
        sealer()

    horizons = list(AuditSeal.objects.order_by("number").values_list("horizon", flat=True))
    assert horizons == sorted(set(horizons)) and len(horizons) == 4


def test_the_horizon_moves_only_when_all_before_it_is_sealed(write, small_blocks):
    write(7)

    seal_new_entries(most_blocks=1)
    assert AuditSeal.objects.get().horizon is None

    seal_new_entries()
    assert AuditSeal.objects.first().horizon is not None


def test_a_clock_that_is_set_back_a_little_hides_nothing(write):
    sealer = sealing.Sealer()
    write()
    assert sealer().sealed == 1
    write_dated(timezone.now() - timedelta(seconds=30))

    assert sealer().sealed == 1
    assert findings() == []


def test_the_older_trail_is_looked_through_stretch_by_stretch(write, small_blocks, monkeypatch):
    monkeypatch.setattr(sealing, "STRETCH", 10)
    sealer = sealing.Sealer()
    first = write(3)[0]
    sealer()
    with triggers_off():
        QuerySet(SealedEntry).filter(entry_id=first.pk)._raw_delete("default")  # as if it had not been seen
    write(30)
    seal_new_entries(older=range(0))

    passes = 1
    while not SealedEntry.objects.filter(entry_id=first.pk).exists():
        sealer()
        passes += 1
        assert passes < 10


def test_a_clock_that_ran_ahead_does_not_close_the_time_until_it_is_reached(write, small_blocks, monkeypatch):
    future = timezone.now() + timedelta(hours=1)
    with monkeypatch.context() as patch:
        patch.setattr(sealing, "_oldest_writer", lambda: future)
        patch.setattr(sealing, "database_time", lambda: future)
        write()
        seal_new_entries()
    sealer = sealing.Sealer()
    entries = write(2)

    assert sealer().sealed == 2
    assert [finding.number for finding in Verification().run()] == [entry.pk for entry in entries]
    accept_late_entries([entry.pk for entry in entries], actor=None, reason="The clock ran ahead by an hour")
    assert sealer().sealed == 2
    assert findings() == []


def test_what_the_application_did_not_write_is_not_sealed(write, caplog):
    (entry,) = write()
    entry.pk = None
    entry._state.adding = True
    entry.uid = "0192b1d4-3c5e-7000-8000-000000000001"
    entry.save()

    assert seal_new_entries() == sealing.Sealing(sealed=1, left_out=1)
    assert "1 audit entries are not sealed" in caplog.text


def test_an_entry_sealed_under_a_former_key_is_still_ours(write, settings):
    write()
    settings.AUDIT_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-key-of-the-installation-after-its-yearly-rotation"
    write()

    assert seal_new_entries() == sealing.Sealing(sealed=2)
    assert findings() == []


@pytest.mark.django_db(transaction=True)
def test_a_forgotten_key_is_said_to_be_missing_and_everything_is_in_order_once_it_is_given(
    write, small_blocks, settings, caplog
):
    sealer = sealing.Sealer()
    write()
    sealer()
    (waiting,) = write()
    former, settings.SECRET_KEY = settings.SECRET_KEY, "another-key-of-the-installation-after-its-yearly-rotation"

    write(2)
    assert sealer() == sealing.Sealing(sealed=2, left_out=1)

    assert "set AUDIT_KEY_FALLBACKS" in caplog.text
    missing = "is vouched for by a key that is not known here: set AUDIT_KEY_FALLBACKS"
    sealed = AuditEntry.objects.order_by("pk")[0].pk
    assert findings() == [f"seal 1: {missing}", f"entry {sealed}: {missing}", f"entry {waiting.pk}: {missing}"]
    settings.AUDIT_KEY_FALLBACKS = [former]
    write()
    assert sealer().sealed == 2
    assert findings() == []
    assert [seal.total for seal in AuditSeal.objects.order_by("number")] == [1, 3, 5]


def test_seals_that_somebody_inserted_neither_stop_sealing_nor_are_believed(write, small_blocks, caplog):
    """With no more than the right to insert: a seal that closes all time to come, and one with the last number."""
    sealer = sealing.Sealer()
    write()
    sealer()
    head = AuditSeal.objects.get()
    for number, hash_ in ((2, "ab" * 32), (2**31 - 1, "cd" * 32)):
        AuditSeal(
            number=number, previous_hash=head.hash, merkle_root="", entry_count=1, total=7, hash=hash_, mark=head.mark,
            horizon=head.sealed_at + timedelta(days=365_000), sealed_at=head.sealed_at,
        ).save(force_insert=True)  # fmt: skip
    write(2)
    assert newest_seal() == head

    assert sealer().sealed == 2
    assert sealer() == sealing.Sealing()

    assert "seals 2 to 2 are passed over" in caplog.text
    assert "seals behind seal 3 are not the application's" in caplog.text
    third = AuditSeal.objects.get(number=3)
    assert (third.previous_hash, third.total) == (head.hash, 3)
    named = {(finding.what, finding.number) for finding in Verification().run()}
    assert named == {("seal", 2), ("seal", 2**31 - 1)}


def test_a_trail_of_which_sealers_once_went_on_behind_a_foreign_seal_is_still_good(write, small_blocks, tmp_path):
    """Foreign seals were links of the chain before they were passed over."""
    write()
    seal_new_entries()
    head = AuditSeal.objects.get()
    foreign = AuditSeal(
        number=2, previous_hash=head.hash, merkle_root="", entry_count=1, total=7, sealed_at=head.sealed_at, mark=""
    )
    foreign.hash = seal_hash(seal_document(foreign))
    foreign.save(force_insert=True)
    write(2)
    seal_new_entries()
    third = AuditSeal.objects.get(number=3)
    third.previous_hash = foreign.hash
    third.hash = seal_hash(seal_document(third))
    with triggers_off():
        QuerySet(AuditSeal).filter(number=3).update(
            previous_hash=third.previous_hash, hash=third.hash, mark=mark_of(third)
        )

    assert {finding.number for finding in Verification().run() if finding.what == "seal"} == {2}
    call_command("export_audit_trail", "--output", str(tmp_path / "export"))
    assert check(tmp_path / "export")[0] == 0


def test_places_that_somebody_inserted_for_seals_to_come_do_not_stop_the_sealing(write, small_blocks, caplog):
    sealer = sealing.Sealer()
    write()
    sealer()
    (taken,) = write()
    for entry_id, number in ((taken.pk, 2), (10_000_000, 3)):
        SealedEntry(entry_id=entry_id, seal_id=number, position=0, digest=b"").save(force_insert=True)
    write(2)

    assert sealer().sealed == 2

    assert "seals 2 to 3 are passed over" in caplog.text
    assert list(AuditSeal.objects.order_by("number").values_list("number", flat=True)) == [1, 4]
    named = {(finding.what, finding.number) for finding in Verification().run()}
    assert named == {("seal", 2), ("seal", 3), ("entry", taken.pk)}


def test_what_cannot_be_read_is_left_out_and_the_rest_is_sealed(write, small_blocks, caplog):
    entries = write(7)
    with triggers_off(), connection.cursor() as cursor:
        digits = json.dumps({"due": [None, 0]}).replace("0", "9" * 5_000)
        cursor.execute("UPDATE audit_auditentry SET changes = %s WHERE id = %s", [digits, entries[2].pk])
        cursor.execute("UPDATE audit_auditentry SET created_at = 'infinity' WHERE id = %s", [entries[4].pk])

    assert sealing.Sealer()() == sealing.Sealing(sealed=5, left_out=2)

    assert "2 audit entries are not sealed" in caplog.text
    assert findings() == [f"entry {entries[2].pk}: cannot be read", f"entry {entries[4].pk}: cannot be read"]


def test_what_is_not_ours_does_not_keep_the_rest_from_being_sealed(write, small_blocks, monkeypatch):
    monkeypatch.setattr(sealing, "LOOKED_AT", 10)
    (entry,) = write()
    for _ in range(25):
        entry.pk, entry.uid, entry._state.adding = None, uuid7(), True
        entry.save()
    seal_new_entries()
    write(3)
    sealer = sealing.Sealer()

    sealed = [sealer().sealed for _ in range(4)]

    assert sum(sealed) == 3
    assert max(seal.entry_count for seal in AuditSeal.objects.all()) <= 5


@pytest.mark.parametrize("table", ["audit_auditseal", "audit_sealedentry"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {column} = 0", "DELETE FROM {}"])
def test_the_database_refuses_to_change_seals(write, table, statement):
    write()
    seal_new_entries()
    column = {"audit_auditseal": "entry_count", "audit_sealedentry": "position"}[table]

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table, column=column))


@pytest.mark.parametrize("model", [AuditSeal, SealedEntry])
def test_the_orm_refuses_to_change_seals(write, model):
    write()
    seal_new_entries()

    for attempt in (model.objects.get().save, model.objects.get().delete, model.objects.all().delete):
        with pytest.raises(AuditTrailIsAppendOnly):
            attempt()


@pytest.mark.postgres
@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE audit_auditseal CASCADE",
        "TRUNCATE audit_sealedentry",
        "SET LOCAL session_replication_role = replica; DELETE FROM audit_sealedentry",
        "SET LOCAL session_replication_role = replica; UPDATE audit_auditseal SET hash = ''",
    ],
)
def test_postgresql_refuses_the_ways_around_a_row_trigger(write, statement):
    write()
    seal_new_entries()

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(statement)


def test_the_chain_cannot_fork(write):
    write()
    seal_new_entries()
    head = AuditSeal.objects.get()

    fork = AuditSeal(
        number=1, previous_hash=NO_SEAL, merkle_root="", entry_count=0, total=0, sealed_at=head.sealed_at, hash=""
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        fork.save(force_insert=True)
