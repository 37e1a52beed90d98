"""The mark of the writer: a keyed digest on each entry and each seal."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.encoding import force_bytes

from audit.proof.documents import entry_document, seal_document
from audit.proof.verify_export import actor_digest, canonical, names_its_actor, seal_hash

if TYPE_CHECKING:
    from audit.models import AuditEntry, AuditSeal


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
