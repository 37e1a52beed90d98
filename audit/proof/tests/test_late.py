"""What is dated before a time that was closed is sealed all the same, and named until a person says why."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from audit.conftest import write_dated
from audit.models import AuditEntry
from audit.proof.documents import entry_document
from audit.proof.late import NotLate, accept_late_entries, is_accepted
from audit.proof.sealing import Sealer, seal_new_entries
from audit.proof.verification import Verification
from audit.proof.verify_export import leaf
from audit.services import entry_for, record_all
from conftest import triggers_off
from qhse.uuid7 import uuid7


def findings() -> list[str]:
    return [str(finding) for finding in Verification().run()]


@pytest.fixture
def late(write, small_blocks):
    """A sealed entry that is dated an hour before what the seal before had closed."""
    write()
    seal_new_entries()
    entry = write_dated(timezone.now() - timedelta(hours=1))
    seal_new_entries()
    return entry


def test_a_late_entry_is_sealed_all_the_same_and_named_until_somebody_accepts_it(write, small_blocks):
    sealer = Sealer()
    write()
    sealer()
    late = write_dated(timezone.now() - timedelta(hours=1))
    assert findings() == [f"entry {late.pk}: is late: dated before what seal 1 had closed (accept_late_entries)"]
    with pytest.raises(NotLate):
        accept_late_entries([late.pk], actor=None, reason="not sealed yet")

    assert sealer().sealed == 1
    assert findings() == [f"entry {late.pk}: is late: dated before what seal 1 had closed (accept_late_entries)"]
    assert accept_late_entries([late.pk], actor=None, reason="The clock was wrong on Tuesday") == 1
    assert accept_late_entries([late.pk], actor=None, reason="again") == 0

    verification = Verification()
    assert (list(verification.run()), verification.summary.accepted) == ([], 1)
    entry = AuditEntry.objects.get(action="AUDIT_LATE_ENTRY_ACCEPTED")
    assert (entry.entity_id, entry.reason) == (str(late.pk), "The clock was wrong on Tuesday")


def test_who_can_only_insert_accepts_nothing(write, small_blocks):
    write()
    seal_new_entries()
    late = write_dated(timezone.now() - timedelta(hours=1))
    seal_new_entries()
    accept_late_entries([late.pk], actor=None, reason="copied below")
    said = AuditEntry.objects.get(action="AUDIT_LATE_ENTRY_ACCEPTED")
    other = write_dated(timezone.now() - timedelta(hours=2))
    seal_new_entries()
    said.changes = {"digest": [None, leaf(entry_document(other)).hex()]}
    said.pk, said.uid, said.entity_id, said._state.adding = said.pk + 5_000, uuid7(), str(other.pk), True
    said.save()

    assert {str(finding).split(":")[0] for finding in Verification().run()} == {f"entry {other.pk}", f"entry {said.pk}"}


def test_an_entry_on_time_is_not_to_be_accepted(write, small_blocks):
    (entry,) = write()
    seal_new_entries()

    for pk in (entry.pk, 4711_4711):
        with pytest.raises(NotLate):
            accept_late_entries([pk], actor=None, reason="why not")


def test_an_acceptance_is_of_the_entry_as_it_was(trail, write):
    """Who has the key may change a late entry that is not checked against its seal; what was accepted tells."""
    entry = AuditEntry.objects.order_by("pk")[0]
    accepted = entry_for(
        actor=None, action="AUDIT_LATE_ENTRY_ACCEPTED", entity_type="audit_entry", entity_id=entry.pk, reason="so",
        changes={"digest": (None, "0" * 64)},
    )  # fmt: skip
    with transaction.atomic():
        record_all([accepted])

    assert not is_accepted(entry)


def test_an_acceptance_that_cannot_be_read_neither_counts_nor_ends_the_verification(late):
    """It needs no more than the right to insert."""
    forged = entry_for(
        actor=None, action="AUDIT_LATE_ENTRY_ACCEPTED", entity_type="audit_entry", entity_id=late.pk, changes={}
    )
    with transaction.atomic():
        record_all([forged])
    with triggers_off(), connection.cursor() as cursor:
        digits = json.dumps({"digest": [None, 0]}).replace("0", "9" * 5_000)
        cursor.execute("UPDATE audit_auditentry SET changes = %s WHERE id = %s", [digits, forged.pk])

    assert {str(finding).split(":")[0] for finding in Verification().run()} == {
        f"entry {late.pk}", f"entry {forged.pk}",
    }  # fmt: skip
