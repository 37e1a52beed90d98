"""Entries that turned up after their time was closed: a person looks into each and says why it is accepted."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from audit.models import AuditEntry, AuditSeal, SealedEntry
from audit.proof.documents import entry_document
from audit.proof.marks import is_marked
from audit.proof.reading import batches, newest_seal, read
from audit.proof.verify_export import leaf
from audit.services import Actor, entry_for, record_all

ACTION, ENTITY = "AUDIT_LATE_ENTRY_ACCEPTED", "audit_entry"
CHUNK = 1_000


class NotLate(Exception):
    """An entry that is not there, not sealed yet, or not late; nothing is accepted then."""


def is_accepted(entry: AuditEntry) -> bool:
    """Answer whether somebody has accepted this entry, with exactly this content."""
    digest = leaf(entry_document(entry)).hex()
    said = AuditEntry.objects.about(ENTITY, entry.pk).filter(action=ACTION)
    return any(is_marked(other) and other.changes["digest"][1] == digest for other in said)


@transaction.atomic
def accept_late_entries(ids: Collection[int], *, actor: Actor | None, reason: str) -> int:
    """
    Record for each of these entries that it is late for the reason given, and return for how many it was new.

    Raises NotLate for the first that cannot be accepted. What is wrong with an entry besides stays a finding.
    """
    accepted: list[AuditEntry] = []
    for batch in batches(dict.fromkeys(ids), CHUNK):
        entries = read(AuditEntry, batch)
        for pk in batch:
            entry = entries.one(pk)
            if entry is None or not _is_late(entry):
                raise NotLate(f"entry {pk} is not there, not sealed yet, or not late")
            if not is_accepted(entry):
                accepted.append(entry_for(
                    actor=actor, action=ACTION, entity_type=ENTITY, entity_id=pk, reason=reason,
                    changes={"digest": (None, leaf(entry_document(entry)).hex())},
                ))  # fmt: skip
    record_all(accepted)
    return len(accepted)


def _is_late(entry: AuditEntry) -> bool:
    place = SealedEntry.objects.filter(entry_id=entry.pk).first()
    closed: AuditSeal | None = newest_seal(number__lt=place.seal_id) if place else None
    return closed is not None and closed.horizon is not None and entry.created_at < closed.horizon
