"""Marks on entries and seals: digests that only the application's key can make."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from enum import Enum
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils.encoding import force_bytes

from audit.models import AuditEntry, AuditSeal
from audit.proof.documents import UNREADABLE, entry_document, seal_document
from audit.proof.verify_export import actor_digest, canonical, names_its_actor, seal_hash

_FORM = re.compile(r"[0-9a-f]{8}:[0-9a-f]{64}")


class MarkOwner(Enum):
    """Whose key made a mark."""

    OURS = "SECRET_KEY or one of AUDIT_KEY_FALLBACKS"
    UNKNOWN = "a key that is not known here"
    NOBODY = "none"


def sign(entry: AuditEntry) -> None:
    """Give an entry, which has its id and time, the digest of its actor's name and its mark."""
    entry.actor_salt = secrets.token_hex(16)
    entry.actor_digest = actor_digest(entry.actor, entry.actor_salt)
    entry.mark = mark_of(entry)


def has_its_name(entry: AuditEntry) -> bool:
    """Answer whether the entry bears the name that was written, or the pseudonym."""
    return names_its_actor(entry.actor, entry.actor_salt, entry.actor_id, entry.actor_digest)


def mark_of(row: AuditEntry | AuditSeal) -> str:
    """Return the mark of the application for this content."""
    return _mark(*_marked(row), settings.SECRET_KEY)


def mark_owner(row: AuditEntry | AuditSeal) -> MarkOwner:
    """Answer who marked the row as it is now. The stored hash of a seal is not believed."""
    try:
        purpose, message = _marked(row)
    except UNREADABLE:  # whatever key the mark names
        return MarkOwner.NOBODY
    if not _FORM.fullmatch(row.mark):
        return MarkOwner.NOBODY
    named = [key for key in (settings.SECRET_KEY, *settings.AUDIT_KEY_FALLBACKS) if _key_id(key) == row.mark[:8]]
    if not named:
        return MarkOwner.UNKNOWN
    ours = any(hmac.compare_digest(_mark(purpose, message, key), row.mark) for key in named)
    return MarkOwner.OURS if ours else MarkOwner.NOBODY


def is_ours(row: AuditEntry | AuditSeal) -> bool:
    """Answer whether the application made the row as it is now."""
    return mark_owner(row) is MarkOwner.OURS


def mark_of_state(purpose: str, state: Any) -> str:
    """Return the mark of the application for a state that it will read again, in a table that others may write to."""
    return _mark(f"qhse audit {purpose}".encode(), canonical(state), settings.SECRET_KEY)


def is_our_state(purpose: str, state: Any, mark: str) -> bool:
    """Answer whether the application wrote this state. Under another key it is not known any more."""
    try:
        return hmac.compare_digest(mark_of_state(purpose, state).encode(), mark.encode())
    except (*UNREADABLE, UnicodeError):
        return False


def _marked(row: AuditEntry | AuditSeal) -> tuple[bytes, bytes]:
    """Return what the key is used for, and the message."""
    if isinstance(row, AuditSeal):
        return b"qhse audit seal", seal_hash(seal_document(row)).encode()
    return b"qhse audit entry", canonical(entry_document(row))


def _mark(purpose: bytes, message: bytes, key: str | bytes) -> str:
    return f"{_key_id(key)}:{hmac.new(_secret(purpose, key), message, hashlib.sha256).hexdigest()}"


@lru_cache(maxsize=1024)
def _secret(purpose: bytes, key: str | bytes) -> bytes:
    return hashlib.sha256(purpose + b"\x00" + force_bytes(key)).digest()


@lru_cache(maxsize=1024)
def _key_id(key: str | bytes) -> str:
    return _secret(b"qhse audit key id", key).hex()[:8]
