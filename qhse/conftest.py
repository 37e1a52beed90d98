"""Fixtures of the tests of logins, by the API and by the admin site."""

from __future__ import annotations

import pytest
from django.contrib.auth import hashers

AWAY = "198.51.100.9"


@pytest.fixture
def try_login(users, anonymous):
    def attempt(username="quality", password="a-wrong-horse", address=AWAY, **headers):
        return anonymous.post(
            "/auth/login", {"username": username, "password": password}, REMOTE_ADDR=address, **headers
        )

    return attempt


@pytest.fixture
def hashed(monkeypatch):
    """Count the passwords that reach the hasher."""
    calls = []
    hasher = type(hashers.get_hasher())
    encode, verify = hasher.encode, hasher.verify
    monkeypatch.setattr(hasher, "encode", lambda *args: calls.append(1) or encode(*args))
    monkeypatch.setattr(hasher, "verify", lambda *args: calls.append(1) or verify(*args))
    return calls
