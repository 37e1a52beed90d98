"""Workers seal between batches, a bounded piece at a time."""

from __future__ import annotations

import pytest
from django.db.models import QuerySet

from audit import jobs
from audit.jobs import seal_audit_trail
from audit.models import AuditEntry, AuditSeal, SealedEntry
from audit.proof import sealing
from audit.proof.sealing import seal_new_entries
from audit.proof.verification import Verification
from conftest import triggers_off


@pytest.fixture(autouse=True)
def one_seal_in_a_pass(small_blocks, monkeypatch):
    defaults = seal_new_entries.__wrapped__.__kwdefaults__
    monkeypatch.setattr(seal_new_entries.__wrapped__, "__kwdefaults__", defaults | {"most_blocks": 1})
    monkeypatch.setattr(jobs, "_seal", sealing.Sealer())


def test_a_pass_is_bounded_and_the_job_asks_to_be_called_again(write):
    write(12)

    assert [seal_audit_trail() for _ in range(3)] == [True, True, False]
    assert [seal.entry_count for seal in AuditSeal.objects.order_by("number")] == [5, 5, 2]
    assert list(Verification().run()) == []


def unseal(entry):
    """Make as if it had not been seen, because its writer had not committed yet."""
    with triggers_off():
        QuerySet(SealedEntry).filter(entry_id=entry.pk)._raw_delete("default")


def test_a_burst_is_gone_on_with_and_not_read_from_its_beginning(write):
    entries = write(12)
    seal_audit_trail()
    unseal(entries[0])

    seal_audit_trail()

    sealed = SealedEntry.objects.filter(seal_id=2).values_list("entry_id", flat=True)
    assert sorted(sealed) == [entry.pk for entry in entries[5:10]]


def test_what_commits_behind_the_passes_over_a_burst_is_sealed_by_the_last_of_them(write):
    entries = write(12)
    seal_audit_trail()
    unseal(entries[0])

    while seal_audit_trail():
        pass

    assert list(SealedEntry.objects.filter(seal_id=3).values_list("entry_id", flat=True).order_by("position")) == [
        entry.pk for entry in (entries[0], *entries[10:])
    ]


def test_the_last_pass_over_a_burst_moves_the_horizon(write):
    write(12)
    while seal_audit_trail():
        pass

    assert [seal.horizon is None for seal in AuditSeal.objects.order_by("number")] == [True, True, False]


def test_it_does_not_while_more_have_committed_behind_them_than_it_may_seal(write):
    entries = write(22)
    for _ in range(4):
        seal_audit_trail()
    for entry in entries[:6]:
        unseal(entry)

    assert seal_audit_trail() is True
    assert AuditSeal.objects.order_by("-number")[0].horizon is None
    assert seal_audit_trail() is False
    assert AuditSeal.objects.order_by("-number")[0].horizon is not None


def test_strangers_in_a_burst_do_not_hold_the_horizon(write):
    """They are left out as often as they are looked at. Here are more than a seal of them, before what is sealed."""
    for _ in range(6):
        (stranger,) = write()
        with triggers_off():
            QuerySet(AuditEntry).filter(pk=stranger.pk).update(mark="")
    write(12)

    while seal_audit_trail():
        pass

    assert SealedEntry.objects.count() == 12
    assert AuditSeal.objects.order_by("-number")[0].horizon is not None


def test_no_more_of_the_older_trail_is_sealed_in_a_pass_than_of_the_new(write):
    entries = write(22)
    while seal_audit_trail():
        pass
    for entry in entries[:17]:
        unseal(entry)

    sizes = []
    while seal_audit_trail():
        sizes.append(AuditSeal.objects.order_by("-number")[0].entry_count)

    assert sizes == [5, 5, 5]
