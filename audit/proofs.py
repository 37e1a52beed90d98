"""What is hashed, and how: the encoding of entries and seals, Merkle trees and proofs, and the mark of the writer."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.encoding import force_bytes

from audit.verify_export import VERSION, actor_digest, canonical, names_its_actor, node

if TYPE_CHECKING:
    from audit.models import AuditEntry, AuditSeal


# What the application knows when it writes: without the id and the time, which the database gives.
WRITTEN = ("actor_id", "actor_digest", "actor_role", "action", "entity_type", "entity_id", "changes", "reason",
           "source", "request_id", "client_address")  # fmt: skip
Proof = list[str]


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
    """Return what is hashed of a seal: everything but the hash."""
    return {
        "version": VERSION, "number": seal.number, "previous_hash": seal.previous_hash,
        "merkle_root": seal.merkle_root, "entry_count": seal.entry_count,
        "horizon": None if seal.horizon is None else moment(seal.horizon), "sealed_at": moment(seal.sealed_at),
    }  # fmt: skip


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Return the Merkle tree hash of RFC 6962, section 2.1, over digests of leaves; there must be one."""
    return _levels(leaves)[-1][0]


def inclusion_proofs(leaves: Sequence[bytes]) -> list[Proof]:
    """Return for each leaf its audit path (RFC 6962, section 2.1.1): the neighbours on its way to the root."""
    proofs: list[Proof] = [[] for _ in leaves]
    for height, level in enumerate(_levels(leaves)[:-1]):
        for number, proof in enumerate(proofs):
            neighbour = (number >> height) ^ 1
            if neighbour < len(level):
                proof.append(level[neighbour].hex())
    return proofs


def _levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    # A node without a neighbour is carried up as it is; that is the tree of the RFC, built from below.
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        pairs = [node(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)]
        levels.append(pairs + below[len(pairs) * 2 :])
    return levels


def sign(entry: AuditEntry) -> None:
    """Give an entry that is about to be stored what proves it: the digest of its actor's name, and its mark."""
    entry.actor_salt = secrets.token_hex(16)
    entry.actor_digest = actor_digest(entry.actor, entry.actor_salt)
    entry.mark = _mark(entry, settings.SECRET_KEY)


def has_its_name(entry: AuditEntry) -> bool:
    """Answer whether the entry bears the name that was written, or the pseudonym."""
    return names_its_actor(entry.actor, entry.actor_salt, entry.actor_id, entry.actor_digest)


def is_marked(entry: AuditEntry) -> bool:
    """Answer whether the application wrote the entry so, under this key or one of SECRET_KEY_FALLBACKS."""
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return any(hmac.compare_digest(_mark(entry, key), entry.mark) for key in keys)


def _mark(entry: AuditEntry, key: str | bytes) -> str:
    document = {name: getattr(entry, name) for name in WRITTEN} | {"uid": str(entry.uid), "version": VERSION}
    secret = hashlib.sha256(b"qhse audit entry\x00" + force_bytes(key)).digest()
    return hmac.new(secret, canonical(document), hashlib.sha256).hexdigest()
