"""What is hashed of an entry and a seal: all that was written, but for what a proof must not depend on."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest

from audit.models import AuditEntry, AuditSeal
from audit.proof.documents import UNREADABLE, entry_document, seal_document

NOT_HASHED = {"actor", "actor_salt", "mark"}  # a name has a digest in its place; the mark is over the rest


def test_every_field_of_an_entry_is_hashed_but_the_name_of_its_actor(write):
    (entry,) = write()

    fields = {field.attname for field in AuditEntry._meta.concrete_fields}
    assert set(entry_document(entry)) == fields - NOT_HASHED | {"version"}


def test_every_field_of_a_seal_is_hashed_but_the_hash_and_its_mark(trail):
    fields = {field.attname for field in AuditSeal._meta.concrete_fields}
    assert set(seal_document(AuditSeal.objects.get(number=1))) == fields - {"hash", "mark"} | {"version"}


def test_a_time_is_hashed_in_utc_to_the_microsecond_wherever_it_was_read(write):
    (entry,) = write()
    here = entry_document(entry)["created_at"]

    entry.created_at = entry.created_at.astimezone(timezone(timedelta(hours=5, minutes=30)))

    assert entry_document(entry)["created_at"] == here
    assert here.endswith("Z") and len(here) == len("2026-11-26T00:00:00.000000Z")


@pytest.mark.parametrize("time", [None, "infinity"])
def test_what_is_no_time_raises_what_readers_expect(write, time):
    (entry,) = write()
    entry.created_at = time

    with pytest.raises(UNREADABLE):
        entry_document(entry)
