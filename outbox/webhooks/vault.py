"""
Secrets of endpoints as they lie in the database: encrypted, by a key that follows from SECRET_KEY.

Who reads a backup or the table alone cannot sign. After a change of SECRET_KEY its former value, in
AUDIT_KEY_FALLBACKS, still opens what it closed. Processes get another key one after the other: what one of them cannot
open another may.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.utils.encoding import force_bytes


class SecretIsUnreadable(Exception):
    """No key that is known here opens it. It says nothing of what it is."""


def close(secret: str) -> str:
    """Return a secret as it is stored."""
    return _lock(settings.SECRET_KEY).encrypt(secret.encode()).decode()


def opened(stored: str) -> str:
    """Return a stored secret. Raises SecretIsUnreadable."""
    for key in (settings.SECRET_KEY, *settings.AUDIT_KEY_FALLBACKS):
        try:
            return _lock(key).decrypt(stored.encode()).decode()
        except InvalidToken:
            continue
    raise SecretIsUnreadable(
        "its secret cannot be read: this process lacks the key, in SECRET_KEY or AUDIT_KEY_FALLBACKS"
    )


def is_readable(stored: str) -> bool:
    """Answer whether a key that is known here opens it."""
    try:
        opened(stored)
    except SecretIsUnreadable:
        return False
    return True


def is_current(stored: str) -> bool:
    """Answer whether the present SECRET_KEY opens it, without a former one."""
    try:
        _lock(settings.SECRET_KEY).decrypt(stored.encode())
    except InvalidToken:
        return False
    return True


@lru_cache(maxsize=64)
def _lock(key: str | bytes) -> Fernet:
    return Fernet(urlsafe_b64encode(hashlib.sha256(b"qhse webhook secrets\x00" + force_bytes(key)).digest()))
