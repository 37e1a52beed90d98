"""What is hashed of entries and seals."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from audit.proof.verify_export import VERSION

if TYPE_CHECKING:
    from audit.models import AuditEntry, AuditSeal

# Without the id, the time and the uid, which are encoded.
WRITTEN = ("actor_id", "actor_digest", "actor_role", "action", "entity_type", "entity_id", "changes", "reason",
           "source", "request_id", "client_address")  # fmt: skip


def moment(value: datetime) -> str:
    """Return a moment as it is hashed: UTC, microseconds."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def entry_document(entry: AuditEntry) -> dict[str, Any]:
    """
    Return what is hashed of an entry: everything but the display name of its actor, for which its digest stands.

    So a person's name can be replaced later; the id of the account stays in the proof.
    """
    written = {name: getattr(entry, name) for name in WRITTEN}
    return written | {
        "version": VERSION, "id": entry.pk, "uid": str(entry.uid), "created_at": moment(entry.created_at),
    }  # fmt: skip


def seal_document(seal: AuditSeal) -> dict[str, Any]:
    """Return what is hashed of a seal: everything but the hash and the mark."""
    return {
        "version": VERSION, "number": seal.number, "previous_hash": seal.previous_hash,
        "merkle_root": seal.merkle_root, "entry_count": seal.entry_count, "total": seal.total,
        "horizon": None if seal.horizon is None else moment(seal.horizon), "sealed_at": moment(seal.sealed_at),
    }  # fmt: skip
