"""How long a password may be; the other rules are Django's (AUTH_PASSWORD_VALIDATORS)."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError

MAX_PASSWORD_LENGTH = 128  # characters: more would only make the hash work longer


class MaximumLengthValidator:
    """Refuses, where a password is chosen, what no login would look at."""

    def validate(self, password: str, user: Any = None) -> None:
        if len(password) > MAX_PASSWORD_LENGTH:
            raise ValidationError(self.get_help_text(), code="password_too_long")

    def get_help_text(self) -> str:
        return f"The password must have at most {MAX_PASSWORD_LENGTH} characters."
