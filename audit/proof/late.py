"""Entries that turned up after their time was closed, and why a person accepts them."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from audit.models import AuditEntry, SealedEntry
from audit.proof.documents import entry_document
from audit.proof.reading import newest_seal, ours, read
from audit.proof.verify_export import leaf
from audit.services import Actor, entry_for, record_all

ACTION, ENTITY = "AUDIT_LATE_ENTRY_ACCEPTED", "audit_entry"


class NotLate(Exception):
    """An entry is not there, not sealed yet, or not late. Nothing is accepted then."""


def is_accepted(entry: AuditEntry) -> bool:
    """Answer whether somebody has accepted this entry, with exactly this content."""
    said = AuditEntry.objects.about(ENTITY, entry.pk).filter(action=ACTION)
    return any(acceptance.changes["digest"][1] == _digest(entry) for acceptance in ours(said))


@transaction.atomic
def accept_late_entries(ids: Collection[int], *, actor: Actor | None, reason: str) -> int:
    """
    Record why these entries are late. Return for how many that was new.

    All or none: raises NotLate for the first that cannot be accepted. Whatever else is wrong with an entry stays a
    finding.
    """
    accepted: list[AuditEntry] = []
    for pk in dict.fromkeys(ids):
        entry = read(AuditEntry, [pk]).one(pk)
        if entry is None or not _is_late(entry):
            raise NotLate(f"entry {pk} is not there, not sealed yet, or not late")
        if not is_accepted(entry):
            digest = {"digest": (None, _digest(entry))}
            accepted.append(
                entry_for(actor=actor, action=ACTION, entity_type=ENTITY, entity_id=pk, reason=reason, changes=digest)
            )
    record_all(accepted)
    return len(accepted)


def _digest(entry: AuditEntry) -> str:
    return leaf(entry_document(entry)).hex()


def _is_late(entry: AuditEntry) -> bool:
    place = SealedEntry.objects.filter(entry_id=entry.pk).first()
    before = newest_seal(number__lt=place.seal_id) if place else None
    return before is not None and before.had_closed(entry.created_at)
