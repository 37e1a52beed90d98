"""The number of all entries, which nobody counts one by one."""

from __future__ import annotations

import pytest
from django.db import connection

from audit.models import AuditEntry, AuditSeal, SealedEntry, SealingTurn
from audit.proof.sealing import seal_new_entries
from audit.selectors import entries_total

pytestmark = pytest.mark.django_db


def test_it_is_that_of_a_count_with_and_without_what_is_sealed(write, small_blocks):
    assert entries_total() == 0
    write(3)
    assert entries_total() == 3
    seal_new_entries()
    assert entries_total() == 3
    write(4)
    assert entries_total() == AuditEntry.objects.count() == 7


def test_of_a_sealed_trail_it_takes_two_statements_and_reads_no_sealed_entry(
    trail, write, django_assert_num_queries, monkeypatch
):
    # Outside of a request, PostgreSQL is asked for the time as well.
    with django_assert_num_queries(3 if connection.vendor == "postgresql" else 2):
        total = entries_total()

    assert total == AuditEntry.objects.count()
    monkeypatch.setattr(type(AuditEntry.objects), "count", None)
    assert entries_total() == total


def test_a_seal_that_is_not_the_applications_is_not_believed(trail):
    forged = AuditSeal.objects.order_by("-number")[0]
    forged.number, forged.total = forged.number + 1, 1_000_000
    AuditSeal.objects.bulk_create([forged])
    SealingTurn.objects.update(seal=forged.number)

    assert entries_total() == AuditEntry.objects.count()


def test_a_place_that_somebody_gives_an_unsealed_entry_hides_it_at_most_from_the_number(trail):
    """Whoever may insert places can name a seal. What is not counted then is still found by `verify`."""
    before = entries_total()
    waiting = AuditEntry.objects.unsealed().earliest("pk")
    SealedEntry.objects.bulk_create([SealedEntry(entry_id=waiting.pk, seal_id=1, position=99_999, digest=b"0" * 32)])

    assert before - 1 <= entries_total() <= before
