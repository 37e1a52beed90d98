"""Whoever falsifies the trail is found, and the entry or seal named; who leaves it alone raises no alarm."""

from __future__ import annotations

import json
import random
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from audit.models import AuditEntry, AuditSeal
from audit.proof.checkpoints import checkpoint_of, read_checkpoints
from audit.proof.documents import seal_document
from audit.proof.marks import mark_of
from audit.proof.verification import Verification, record_verification
from audit.proof.verify_export import seal_hash
from conftest import triggers_off
from lab.chaos.falsifying.ways import WAYS, Tamperer, all_of, falsified

TAMPERINGS = 200


def tampered(trail, chance, name=""):
    """Falsify the trail, and return what was done and what is found; then all is as before."""
    with falsified(Tamperer(chance), name) as tampering:
        findings = list(Verification(checkpoints=trail).run())
    return tampering, {(finding.what, finding.number) for finding in findings}


@pytest.mark.parametrize("name", sorted(WAYS))
def test_each_way_to_falsify_the_trail_is_found_and_its_object_named(trail, name):
    for number in range(5):
        tampering, found = tampered(trail, random.Random(number), name)

        assert tampering.is_found(found), (tampering, found)


def test_200_random_falsifications_are_found_and_200_looks_at_the_untouched_trail_raise_no_alarm(trail):
    missed, alarms = [], []
    for number in range(TAMPERINGS):
        tampering, found = tampered(trail, random.Random(f"tampering {number}"))
        if not tampering.is_found(found):
            missed.append(tampering)
        alarms += Verification(checkpoints=trail).run()

    assert (missed, alarms) == ([], [])


@pytest.mark.postgres
@pytest.mark.django_db
def test_an_unsealed_entry_and_its_copy_are_told_apart_without_the_unique_constraint(trail):
    entry = AuditEntry.objects.unsealed()[0]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'audit_auditentry'::regclass AND contype = 'u'"
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE audit_auditentry DROP CONSTRAINT {name}")
    entry.pk += 1_000
    entry._state.adding = True
    entry.save()

    assert [str(finding) for finding in Verification().run()] == [
        f"entry {entry.pk}: was not written by the application", f"entry {entry.pk}: is a copy of another one",
    ]  # fmt: skip


def test_what_is_not_sealed_yet_is_counted(trail):
    verification = Verification()

    assert list(verification.run()) == []

    summary = verification.summary.as_dict()
    assert (summary["seals"], summary["unsealed"], summary["findings"]) == (AuditSeal.objects.count(), 2, 0)
    assert summary["entries"] + 2 == AuditEntry.objects.count()
    assert summary["head"]["number"] == AuditSeal.objects.count()


def test_an_empty_trail_is_in_order(db):
    verification = Verification()

    assert list(verification.run()) == []
    assert verification.summary.as_dict()["head"] is None


def test_since_begins_with_the_seals_made_from_then_on(trail):
    third = AuditSeal.objects.get(number=3)
    verification = Verification(since=third.sealed_at)

    assert list(verification.run()) == []
    assert verification.summary.seals == AuditSeal.objects.count() - 2


def test_a_part_of_the_trail_says_nothing_about_the_rest(trail):
    with falsified(Tamperer(random.Random(1)), "edit_a_seal"):
        first_finding = next(iter(Verification().run()))
        since = AuditSeal.objects.order_by("-number")[0].sealed_at + timedelta(days=1)
        assert list(Verification(since=since).run()) == []

    assert first_finding.what == "seal"


def test_the_newest_seals_can_be_verified_alone(trail):
    verification = Verification(newest=2)

    assert list(verification.run()) == []
    assert (verification.summary.seals, verification.summary.unsealed) == (2, 2)


def test_every_checkpoint_of_a_file_is_compared(trail):
    seals = AuditSeal.objects.order_by("number")
    lines = [json.dumps(checkpoint_of(seal)) for seal in seals]
    assert list(Verification(checkpoints=read_checkpoints("\n".join(lines).encode())).run()) == []

    lines[1] = lines[1].replace(seals[1].hash, "0" * 64)

    findings = list(Verification(checkpoints=read_checkpoints("\n".join(lines).encode())).run())
    assert [(finding.what, finding.number) for finding in findings] == [("seal", 2)]


# --- What only who has the key can do ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "problem"), [(-1, "its horizon goes back"), (1, "its horizon is later than the seal itself")]
)
def test_a_seal_claims_no_horizon_that_it_cannot_know(trail, days, problem):
    seal = AuditSeal.objects.order_by("-number")[0]
    seal.horizon += timedelta(days=days)
    seal.hash = seal_hash(seal_document(seal))
    with triggers_off():
        all_of(AuditSeal, pk=seal.number).update(horizon=seal.horizon, hash=seal.hash, mark=mark_of(seal))

    assert f"seal {seal.number}: {problem}" in [str(finding) for finding in Verification().run()]


# --- Which range was verified -----------------------------------------------------------------------------------


def test_a_part_is_recorded_as_a_part_with_its_first_seal(trail):
    for verification in (Verification(), Verification(newest=2), Verification(since=timezone.now())):
        list(verification.run())
        record_verification(verification, None)

    last = AuditSeal.objects.order_by("-number")[0].number
    recorded = AuditEntry.objects.filter(entity_type="audit_trail").order_by("pk")
    assert [(entry.action, entry.changes["first_seal"][1], entry.entity_id) for entry in recorded] == [
        ("AUDIT_TRAIL_VERIFIED", 1, str(last)), ("AUDIT_TRAIL_PARTLY_VERIFIED", last - 1, str(last)),
        ("AUDIT_TRAIL_PARTLY_VERIFIED", last + 1, str(last)),
    ]  # fmt: skip


def test_a_bounded_verification_looks_for_the_unsealed_among_the_newest_ids(trail, write, monkeypatch):
    monkeypatch.setattr("audit.proof.verification.NEWEST_IDS", 3)
    write(6)

    bounded, whole = Verification(newest=2), Verification()

    assert list(bounded.run()) == list(whole.run()) == []
    assert (bounded.summary.unsealed, whole.summary.unsealed) == (3, 8)


def test_a_forged_seal_that_says_it_is_old_does_not_shorten_what_since_looks_at(trail):
    head = AuditSeal.objects.order_by("-number")[0]
    AuditSeal(
        number=head.number + 1, previous_hash=head.hash, merkle_root="", entry_count=1, total=0, mark=head.mark,
        hash="ab" * 32, sealed_at=head.sealed_at - timedelta(days=900),
    ).save(force_insert=True)  # fmt: skip

    found = {(finding.what, finding.number) for finding in Verification(since=head.sealed_at).run()}

    assert found == {("seal", head.number + 1)}
