"""The signature of the Standard Webhooks scheme, and its secrets. Pure."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    """Return a new secret, as the receiver's library takes it."""
    return PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signature_header(message_id: str, timestamp: int, body: bytes, keys: Iterable[str]) -> str:
    """Return `webhook-signature`: one signature for each secret, the newest first. A receiver wants one of them."""
    message = f"{message_id}.{timestamp}.".encode() + body
    return " ".join(f"v1,{_signature(message, key)}" for key in keys)


def _signature(message: bytes, key: str) -> str:
    return b64encode(hmac.new(b64decode(key.removeprefix(PREFIX)), message, hashlib.sha256).digest()).decode()
