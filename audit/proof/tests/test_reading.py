"""Rows are read around those that cannot be, and what the application did not make is passed over."""

from __future__ import annotations

import json

import pytest
from django.db import connection

from audit.models import AuditEntry, AuditSeal
from audit.proof import reading
from audit.proof.reading import batches, newest_seal, ours, read
from conftest import triggers_off
from qhse.uuid7 import uuid7


def make_unreadable(pk: int) -> None:
    digits = json.dumps({"due": [None, 0]}).replace("0", "9" * 5_000)
    with triggers_off(), connection.cursor() as cursor:
        cursor.execute("UPDATE audit_auditentry SET changes = %s WHERE id = %s", [digits, pk])


def forge_seals(*numbers: int) -> None:
    head = AuditSeal.objects.order_by("number")[0]
    for number in numbers:
        head.pk, head._state.adding = number, True
        head.save(force_insert=True)


@pytest.mark.postgres
@pytest.mark.django_db
def test_one_row_that_cannot_be_read_hides_no_other(trail):
    """SQLite's driver reads a time that is none as None."""
    with triggers_off(), connection.cursor() as cursor:
        cursor.execute("UPDATE audit_auditseal SET sealed_at = 'infinity' WHERE number = 3")
    numbers = list(AuditSeal.objects.values_list("number", flat=True))

    rows = read(AuditSeal, [*numbers, numbers[0], 4711_4711])

    assert rows.unreadable == {3}
    assert set(rows.found) == {*numbers} - {3}
    assert rows.one(1).pk == 1
    assert rows.one(3) is rows.one(4711_4711) is None


def test_batches_end_with_what_is_left():
    assert list(batches(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(batches([])) == []


def test_ours_are_the_newest_first_past_what_others_inserted(write, monkeypatch):
    monkeypatch.setattr(reading, "SEALS_AT_ONCE", 2)
    entries = write(3)
    for _ in range(4):
        forged = AuditEntry.objects.get(pk=entries[0].pk)
        forged.pk, forged.uid, forged._state.adding = None, uuid7(), True
        forged.save()
    make_unreadable(entries[1].pk)

    assert [entry.pk for entry in ours(AuditEntry.objects.all())] == [entries[2].pk, entries[0].pk]


def test_the_newest_seal_is_the_last_of_the_application(trail, monkeypatch):
    monkeypatch.setattr(reading, "SEALS_AT_ONCE", 2)
    head = AuditSeal.objects.order_by("-number")[0]

    forge_seals(*range(head.number + 1, head.number + 6), 2**31 - 1)

    assert newest_seal() == head
    assert newest_seal(number__lt=head.number).number == head.number - 1
    assert newest_seal(number__lt=1) is None
