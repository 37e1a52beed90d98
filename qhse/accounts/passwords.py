"""How passwords are hashed, and how long one may be. Other rules are Django's (AUTH_PASSWORD_VALIDATORS)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.exceptions import ValidationError

from qhse.observability import metrics

MAX_PASSWORD_LENGTH = 128  # characters: more would only make the hash work longer


class MaximumLengthValidator:
    """Refuses a new password that no login would look at."""

    def validate(self, password: str, user: Any = None) -> None:
        if len(password) > MAX_PASSWORD_LENGTH:
            raise ValidationError(self.get_help_text(), code="password_too_long")

    def get_help_text(self) -> str:
        return f"The password must have at most {MAX_PASSWORD_LENGTH} characters."


class Argon2idHasher(Argon2PasswordHasher):
    """
    Argon2id at the minimum of the OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane.

    Django's default takes 100 MiB and eight lanes: a handful of concurrent logins would take a gigabyte.
    """

    time_cost = 2
    memory_cost = 19_456  # KiB
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        metrics.PASSWORD_HASHES.inc()
        return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        metrics.PASSWORD_HASHES.inc()
        return super().verify(password, encoded)

    if settings.TESTING:
        # The cost is what the hash is for, and what a thousand logins of the test suite need not pay.
        time_cost, memory_cost = 1, 8
