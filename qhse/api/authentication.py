"""Bearer tokens: who is asking."""

from __future__ import annotations

from typing import Any

from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken
from rest_framework_simplejwt.tokens import Token

# Signed 64-bit: what the primary key can hold. A larger or stranger subject belongs to no user.
_MAX_USER_ID_DIGITS = 18


class BearerTokenAuthentication(JWTAuthentication):
    """
    Reads `Authorization: Bearer …` and loads the user from the database at each request.

    So a deactivated user or a changed role acts at once, whatever the token says. Every refusal is a 401, also
    of a validly signed token whose subject is not one of ours.
    """

    www_authenticate_realm = "qhse"

    def get_user(self, validated_token: Token) -> Any:
        subject = validated_token.get("sub")
        if not (
            isinstance(subject, str) and subject.isascii() and subject.isdigit() and len(subject) <= _MAX_USER_ID_DIGITS
        ):
            raise InvalidToken("The token names no user.")
        return super().get_user(validated_token)
