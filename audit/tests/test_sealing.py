"""New entries are sealed in blocks: each in exactly one, in one chain, and nobody waits."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from django.utils import timezone

from audit import sealing
from audit.jobs import seal_audit_trail
from audit.models import AuditEntry, AuditSeal, AuditTrailIsAppendOnly, SealedEntry
from audit.sealing import seal_new_entries
from audit.services import entry_for, record, record_all
from audit.verification import Verification
from audit.verify_export import NO_SEAL


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


def test_a_pass_is_bounded_and_the_job_asks_to_be_called_again(write, small_blocks, monkeypatch):
    monkeypatch.setattr(sealing.seal_new_entries.__wrapped__, "__kwdefaults__", {"most_blocks": 2})
    write(12)

    assert [seal_audit_trail(), seal_audit_trail()] == [True, False]
    assert [seal.entry_count for seal in AuditSeal.objects.order_by("number")] == [5, 5, 2]
    assert findings() == []


def test_the_horizon_moves_only_when_all_before_it_is_sealed(write, small_blocks):
    write(7)

    seal_new_entries(most_blocks=1)
    assert AuditSeal.objects.get().horizon is None

    seal_new_entries()
    assert AuditSeal.objects.first().horizon is not None


def test_a_sealer_looks_at_what_is_new_and_now_and_then_at_everything(write, monkeypatch):
    sealer = sealing.Sealer()
    write()
    assert sealer().sealed == 1
    with transaction.atomic():
        hidden = entry_for(actor=None, action="CLOCK_WAS_SET_BACK", entity_type="gauge", entity_id=1, changes={})
        hidden.created_at = timezone.now() - timedelta(seconds=30)
        record_all([hidden])

    assert sealer().sealed == 0
    assert AuditSeal.objects.count() == 1
    monkeypatch.setattr(sealing, "THOROUGH_SECONDS", 0.0)
    assert sealer().sealed == 1
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
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-key-of-the-installation-after-its-yearly-rotation"
    write()

    assert seal_new_entries() == sealing.Sealing(sealed=2)


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

    fork = AuditSeal(number=2, previous_hash=NO_SEAL, merkle_root="", entry_count=0, sealed_at=head.sealed_at, hash="")
    with pytest.raises(IntegrityError), transaction.atomic():
        fork.save(force_insert=True)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_an_entry_that_commits_after_its_successors_is_sealed_later(write):
    """Ids and times are given at the start of a transaction; a sealer that counted on their order would lose this."""
    written, finish = threading.Event(), threading.Event()

    def slow_writer():
        with transaction.atomic():
            record(actor=None, action="SLOW", entity_type="gauge", entity_id=1, changes={})
            written.set()
            finish.wait(30)
        connections.close_all()

    thread = threading.Thread(target=slow_writer)
    thread.start()
    assert written.wait(30)
    write(2)

    assert seal_new_entries().sealed == 2
    horizon = AuditSeal.objects.get().horizon
    finish.set()
    thread.join(30)

    slow = AuditEntry.objects.get(action="SLOW")
    assert slow.pk < min(SealedEntry.objects.values_list("entry_id", flat=True))
    assert horizon <= slow.created_at
    assert seal_new_entries().sealed == 1
    assert findings() == []


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_the_horizon_waits_for_the_oldest_transaction_however_old_it_is(write, monkeypatch):
    monkeypatch.setattr(sealing, "HORIZON_MARGIN", timedelta(0))
    written, finish = threading.Event(), threading.Event()

    def slow_writer():
        with transaction.atomic():
            record(actor=None, action="SLOW", entity_type="gauge", entity_id=1, changes={})
            written.set()
            finish.wait(30)
        connections.close_all()

    thread = threading.Thread(target=slow_writer)
    thread.start()
    assert written.wait(30)
    write()
    seal_new_entries()
    finish.set()
    thread.join(30)
    seal_new_entries()

    assert AuditEntry.objects.unsealed().count() == 0
    assert findings() == []


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_second_sealer_returns_at_once(write):
    write()
    locked, finish = threading.Event(), threading.Event()

    def sealer():
        with transaction.atomic():
            seal_new_entries()
            locked.set()
            finish.wait(30)
        connections.close_all()

    thread = threading.Thread(target=sealer)
    thread.start()
    assert locked.wait(30)

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '5s'")
        assert seal_new_entries() == sealing.Sealing(complete=False)
    finish.set()
    thread.join(30)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_eight_writers_and_four_sealers_make_one_chain(write, small_blocks):
    """Here 8 × 60 entries; `make bench` does it with 8 × 1,000 and measures the writers."""
    writing = threading.Event()
    writing.set()
    failures = []

    def in_thread(work):
        def run():
            try:
                work()
            except Exception as error:
                failures.append(error)
            finally:
                connections.close_all()

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def write_many():
        for _ in range(60):
            write()

    def seal_many():
        while writing.is_set():
            seal_new_entries()

    sealers = [in_thread(seal_many) for _ in range(4)]
    for writer in [in_thread(write_many) for _ in range(8)]:
        writer.join(60)
    writing.clear()
    for sealer in sealers:
        sealer.join(60)
    while seal_new_entries().sealed:
        pass

    assert failures == []
    assert AuditEntry.objects.count() == SealedEntry.objects.count() == 480
    assert findings() == []
