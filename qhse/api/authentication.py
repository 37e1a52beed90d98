"""Bearer tokens: who is asking."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken
from rest_framework_simplejwt.tokens import Token

from qhse.api.problems import CHALLENGE

# Signed 64-bit: what the primary key can hold. A larger or stranger subject belongs to no user.
_MAX_USER_ID_DIGITS = 18


class BearerTokenAuthentication(JWTAuthentication):
    """
    Reads `Authorization: Bearer …` and loads the user from the database at each request.

    So a deactivated user or a changed role acts at once, whatever the token says. Every refusal is a 401, also
    of a validly signed token whose subject is not one of ours.
    """

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE

    def get_raw_token(self, header: bytes) -> bytes | None:
        scheme, space, token = header.partition(b" ")
        # Schemes have no case (RFC 9110, 11.1), and a client may well send back our own `token_type`, "bearer".
        return super().get_raw_token(b"Bearer" + space + token if scheme.lower() == b"bearer" else header)

    def get_validated_token(self, raw_token: bytes) -> Token:
        try:
            return super().get_validated_token(raw_token)
        except (OverflowError, OSError, ValueError):
            # simplejwt turns `exp` into a date, which a signed but absurd number does not survive.
            raise InvalidToken("A time of the token is out of range.") from None

    def get_user(self, validated_token: Token) -> Any:
        subject = validated_token.get("sub")
        if not (
            isinstance(subject, str) and subject.isascii() and subject.isdigit() and len(subject) <= _MAX_USER_ID_DIGITS
        ):
            raise InvalidToken("The token names no user.")
        return super().get_user(validated_token)
