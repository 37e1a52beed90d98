"""What is hashed, and how: the encoding of entries and seals, Merkle trees and proofs, and the mark of the writer."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.encoding import force_bytes

from audit.proof.verify_export import VERSION, actor_digest, canonical, names_its_actor, node, seal_hash

if TYPE_CHECKING:
    from audit.models import AuditEntry, AuditSeal


# Without the id, the time and the uid, which are encoded.
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
    """Return what is hashed of a seal: everything but the hash and the mark."""
    return {
        "version": VERSION, "number": seal.number, "previous_hash": seal.previous_hash,
        "merkle_root": seal.merkle_root, "entry_count": seal.entry_count, "total": seal.total,
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


class Voucher(Enum):
    """Whose key a mark was made with."""

    OURS = "SECRET_KEY or one of AUDIT_KEY_FALLBACKS"
    UNKNOWN = "a key that is not known here"
    NOBODY = "none"


def sign(entry: AuditEntry) -> None:
    """Give an entry, which has its id and time, what proves it: the digest of its actor's name, and its mark."""
    entry.actor_salt = secrets.token_hex(16)
    entry.actor_digest = actor_digest(entry.actor, entry.actor_salt)
    entry.mark = mark_of_entry(entry)


def has_its_name(entry: AuditEntry) -> bool:
    """Answer whether the entry bears the name that was written, or the pseudonym."""
    return names_its_actor(entry.actor, entry.actor_salt, entry.actor_id, entry.actor_digest)


def _marked(entry: AuditEntry) -> bytes:
    return canonical(entry_document(entry))


def mark_of_entry(entry: AuditEntry) -> str:
    return _mark(_ENTRY, _marked(entry), settings.SECRET_KEY)


def mark_of_seal(seal: AuditSeal) -> str:
    return _mark(_SEAL, seal_hash(seal_document(seal)).encode(), settings.SECRET_KEY)


def voucher_of_entry(entry: AuditEntry) -> Voucher:
    return _voucher(_ENTRY, _marked(entry), entry.mark)


def is_marked(entry: AuditEntry) -> bool:
    """Answer whether the application wrote the entry as it is, under a key that is known here."""
    return voucher_of_entry(entry) is Voucher.OURS


def voucher_of_seal(seal: AuditSeal) -> Voucher:
    """Answer who made the seal as it is now: its stored hash is not believed."""
    return _voucher(_SEAL, seal_hash(seal_document(seal)).encode(), seal.mark)


_ENTRY, _SEAL = b"qhse audit entry", b"qhse audit seal"
_FORM = re.compile(r"[0-9a-f]{8}:[0-9a-f]{64}")


def _voucher(purpose: bytes, message: bytes, mark: str) -> Voucher:
    if not _FORM.fullmatch(mark):
        return Voucher.NOBODY
    named = [key for key in (settings.SECRET_KEY, *settings.AUDIT_KEY_FALLBACKS) if _key_id(key) == mark[:8]]
    if not named:
        return Voucher.UNKNOWN
    ours = any(hmac.compare_digest(_mark(purpose, message, key), mark) for key in named)
    return Voucher.OURS if ours else Voucher.NOBODY


def _mark(purpose: bytes, message: bytes, key: str | bytes) -> str:
    return f"{_key_id(key)}:{hmac.new(_secret(purpose, key), message, hashlib.sha256).hexdigest()}"


@lru_cache(maxsize=64)
def _secret(purpose: bytes, key: str | bytes) -> bytes:
    return hashlib.sha256(purpose + b"\x00" + force_bytes(key)).digest()


@lru_cache(maxsize=64)
def _key_id(key: str | bytes) -> str:
    return _secret(b"qhse audit key id", key).hex()[:8]
