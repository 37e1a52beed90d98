"""The number of all entries, which nobody counts one by one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from audit.api.views import AuditLogPagination
from audit.conftest import write_dated
from audit.models import AuditEntry, SealedEntry, SealingTurn
from audit.proof import sealing
from audit.proof.sealing import seal_new_entries
from audit.selectors import entries_total
from qhse.database import database_time

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_writer_runs(monkeypatch):
    """Else a horizon would not pass the beginning of the test's own transaction."""
    monkeypatch.setattr(sealing, "_oldest_writer", database_time)


def test_it_is_that_of_a_count_with_and_without_what_is_sealed(write, small_blocks):
    assert entries_total() == 0
    write(3)
    assert entries_total() == 3
    seal_new_entries()
    assert entries_total() == 3
    write(4)
    assert entries_total() == AuditEntry.objects.count() == 7


def test_of_a_sealed_trail_it_takes_two_statements_and_reads_what_came_since(
    trail, django_assert_num_queries, monkeypatch
):
    with django_assert_num_queries(2):
        total = entries_total()

    assert total == AuditEntry.objects.count()
    monkeypatch.setattr(type(AuditEntry.objects), "count", None)
    assert entries_total() == total


def test_what_a_pass_finds_late_is_counted_with_the_rest(write, small_blocks):
    write(3)
    seal_new_entries()
    write_dated(database_time() - timedelta(days=1))
    write(2)

    seal_new_entries(older=range(10**12))

    assert entries_total() == AuditEntry.objects.count() == 6


def test_a_burst_is_closed_by_a_pass_that_finds_nothing_to_seal(write, small_blocks, monkeypatch):
    monkeypatch.setattr(sealing, "HORIZON_MARGIN", timedelta(minutes=1))
    write(5)
    seal_new_entries()
    assert counted() == 0
    monkeypatch.setattr(sealing, "HORIZON_MARGIN", timedelta(0))

    seal_new_entries()

    assert counted() == entries_total() == 5


def test_what_is_counted_already_is_not_stored_again(trail, django_assert_num_queries):
    seal_new_entries()
    before = SealingTurn.objects.values().get()
    seal_new_entries()

    assert SealingTurn.objects.values().get() == before


def test_a_moment_ahead_of_the_clock_is_not_believed_and_the_next_pass_counts_anew(write, small_blocks):
    write(3)
    seal_new_entries()
    SealingTurn.objects.update(counted=1_000, counted_until=database_time() + timedelta(hours=1))

    assert entries_total() == 3
    seal_new_entries()
    assert counted() == entries_total() == 3


@pytest.mark.parametrize(("most", "more"), [(4, (4, False)), (5, (5, True))])
def test_above_a_bound_a_list_says_that_there_are_more(trail, write, api, monkeypatch, most, more):
    monkeypatch.setattr(AuditLogPagination, "most_counted", most)
    seal_new_entries()
    sealed = counted()
    write(5)

    for page in ("", "?offset=3", "?offset=2000", "?after=0"):
        answer = api("auditor").get(f"/audit-log{page}").json()
        assert (answer["count"], answer["count_is_exact"]) == (sealed + more[0], more[1]), page


def test_a_place_that_somebody_gives_an_unsealed_entry_does_not_hide_it(trail):
    before = entries_total()
    waiting = AuditEntry.objects.unsealed().earliest("pk")
    SealedEntry.objects.bulk_create([SealedEntry(entry_id=waiting.pk, seal_id=1, position=99_999, digest=b"0" * 32)])

    assert entries_total() == before


def counted() -> int:
    return SealingTurn.objects.values_list("counted", flat=True).get()
