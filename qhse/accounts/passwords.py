"""
How passwords are prepared and hashed, and how long one may be. Other rules are Django's (AUTH_PASSWORD_VALIDATORS).

A password is prepared by the OpaqueString profile of RFC 8265: it is the same whatever keyboard or system typed it.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.auth.password_validation import MinimumLengthValidator
from django.core.exceptions import ValidationError

from qhse.observability import metrics

MAX_PASSWORD_LENGTH = 128  # characters: more would only make the hash work longer
MAX_TYPED = 4 * MAX_PASSWORD_LENGTH  # decomposed letters shrink when prepared


def prepared(password: str) -> str:
    """Return the password as it is hashed: every space is U+0020, letters with accents are composed (NFC)."""
    spaced = "".join(" " if unicodedata.category(character) == "Zs" else character for character in password)
    return unicodedata.normalize("NFC", spaced)


def forms_of(password: str) -> list[str]:
    """Return what a stored hash can be of: the prepared password first. Earlier versions hashed the typed one."""
    return list(dict.fromkeys((prepared(password), password)))


class PreparedMinimumLengthValidator(MinimumLengthValidator):
    """Counts what is hashed. A decomposed letter would count twice."""

    def validate(self, password: str, user: Any = None) -> None:
        super().validate(prepared(password), user)


class MaximumLengthValidator:
    """Refuses a new password that no login would look at."""

    def validate(self, password: str, user: Any = None) -> None:
        if len(prepared(password)) > MAX_PASSWORD_LENGTH:
            raise ValidationError(self.get_help_text(), code="password_too_long")

    def get_help_text(self) -> str:
        return f"The password must have at most {MAX_PASSWORD_LENGTH} characters."


class Argon2idHasher(Argon2PasswordHasher):
    """
    Argon2id at the minimum of the OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane.

    Django's default takes 100 MiB and eight lanes: a handful of concurrent logins would take a gigabyte.

    Each form of a password is hashed, at every call and for everybody. So the time does not tell whether there is such
    a user, nor of which form the stored hash is.
    """

    time_cost = 2
    memory_cost = 19_456  # KiB
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        first, *_ = [self._encode(form, salt) for form in forms_of(password)]
        return first

    def verify(self, password: str, encoded: str) -> bool:
        fits = [self.is_of(form, encoded) for form in forms_of(password)]
        return any(fits)

    def is_of(self, form: str, encoded: str) -> bool:
        """Answer whether this is the hash of exactly this text."""
        metrics.PASSWORD_HASHES.inc()
        return super().verify(form, encoded)

    def _encode(self, form: str, salt: str) -> str:
        metrics.PASSWORD_HASHES.inc()
        return super().encode(form, salt)

    if settings.TESTING:
        # The cost is what the hash is for, and what a thousand logins of the test suite need not pay.
        time_cost, memory_cost = 1, 8


def is_outdated(password: str, encoded: str) -> bool:
    """Answer whether a hash is not of the prepared password, which `check_password` has found to be the right one."""
    return len(forms_of(password)) > 1 and not Argon2idHasher().is_of(prepared(password), encoded)
