"""A mark tells who made a row as it is: the application, under a key that is known here or not, or nobody."""

from __future__ import annotations

import pytest

from audit.models import AuditEntry, AuditSeal
from audit.proof.marks import MarkOwner, has_its_name, is_ours, mark_of, mark_owner

ANOTHER_KEY = "another-key-of-the-installation-after-its-yearly-rotation"


@pytest.fixture(params=[AuditEntry, AuditSeal])
def row(request, trail):
    return request.param.objects.order_by("pk")[0]


def test_a_row_that_the_application_made_is_ours(row):
    assert mark_owner(row) is MarkOwner.OURS
    assert is_ours(row)


def test_a_row_that_was_changed_is_nobodys_until_it_is_marked_anew(row):
    field = "reason" if isinstance(row, AuditEntry) else "merkle_root"
    setattr(row, field, "as agreed")
    assert mark_owner(row) is MarkOwner.NOBODY

    row.mark = mark_of(row)

    assert mark_owner(row) is MarkOwner.OURS


@pytest.mark.parametrize("mark", ["", "0" * 73, "zz:00", "é" * 73])
def test_what_is_no_mark_is_nobodys(row, mark):
    row.mark = mark

    assert mark_owner(row) is MarkOwner.NOBODY


@pytest.mark.parametrize("key_id", ["", "ffffffff"])
def test_a_row_that_cannot_be_encoded_is_nobodys_whatever_key_it_names(row, key_id):
    row.mark = key_id + row.mark[len(key_id) :]
    field = "created_at" if isinstance(row, AuditEntry) else "sealed_at"
    setattr(row, field, None)

    assert mark_owner(row) is MarkOwner.NOBODY


def test_a_mark_of_another_row_is_nobodys(trail):
    first, second = AuditEntry.objects.order_by("pk")[:2]
    first.mark = second.mark

    assert mark_owner(first) is MarkOwner.NOBODY


def test_a_mark_of_a_former_key_is_ours_while_that_key_is_known(row, settings):
    former, settings.SECRET_KEY = settings.SECRET_KEY, ANOTHER_KEY
    assert mark_owner(row) is MarkOwner.UNKNOWN

    settings.AUDIT_KEY_FALLBACKS = [former]

    assert mark_owner(row) is MarkOwner.OURS


def test_an_entry_bears_its_name_or_the_pseudonym_of_its_account(trail):
    entry = AuditEntry.objects.exclude(actor_id=None)[0]
    assert has_its_name(entry)

    entry.actor = "mallory"
    assert not has_its_name(entry)

    entry.actor, entry.actor_salt = f"person-{entry.actor_id}", ""
    assert has_its_name(entry)
