"""What is hashed of entries and seals."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.db import DataError

from audit.proof.verify_export import VERSION

if TYPE_CHECKING:
    from audit.models import AuditEntry, AuditSeal

# Without the id, the time and the uid, which are encoded.
WRITTEN = ("actor_id", "actor_digest", "actor_role", "action", "entity_type", "entity_id", "changes", "reason",
           "source", "request_id", "client_address")  # fmt: skip

# What a time of infinity, a number of 5,000 digits or a document of 3,000 levels raises, here or in the driver.
UNREADABLE = (DataError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError)


def entry_document(entry: AuditEntry) -> dict[str, Any]:
    """
    Return what is hashed of an entry.

    The name of its actor is not in it, only a digest of the name. So the name can be replaced later. The id of the
    account stays. Raises one of UNREADABLE.
    """
    written = {name: getattr(entry, name) for name in WRITTEN}
    if entry.reason is None:  # more than is read
        raise ValueError("the reason is too long")
    return written | {
        "version": VERSION, "id": entry.pk, "uid": str(entry.uid), "created_at": _utc_text(entry.created_at),
    }  # fmt: skip


def seal_document(seal: AuditSeal) -> dict[str, Any]:
    """Return what is hashed of a seal: everything but its hash and mark. Raises one of UNREADABLE."""
    return {
        "version": VERSION, "number": seal.number, "previous_hash": seal.previous_hash,
        "merkle_root": seal.merkle_root, "entry_count": seal.entry_count, "total": seal.total,
        "horizon": None if seal.horizon is None else _utc_text(seal.horizon), "sealed_at": _utc_text(seal.sealed_at),
    }  # fmt: skip


def _utc_text(time: datetime) -> str:
    """Return a time as it is hashed, to the microsecond."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
