"""Bearer tokens: who is asking."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken

from qhse.accounts.services.identity_provider import is_issued_by_provider, user_of_external_token
from qhse.accounts.services.tokens import claims_of, user_of
from qhse.api.problems.document import CHALLENGE


class BearerTokenAuthentication(JWTAuthentication):
    """
    Reads `Authorization: Bearer …` and loads the user from the database at each request.

    So a deactivation or a changed role acts at once, whatever the token says. Every refusal is a 401, even of a validly
    signed token whose subject is not one of ours.
    """

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        header = self.get_header(request)
        raw_token = None if header is None else self.get_raw_token(header)
        if raw_token is None:
            return None
        if is_issued_by_provider(raw_token):
            return self._external_user(raw_token), raw_token
        token = self.get_validated_token(raw_token)
        return self.get_user(token), token

    def _external_user(self, raw_token: bytes) -> Any:
        user = user_of_external_token(raw_token)
        if user is None or not user.is_active:
            raise InvalidToken("The token is not good, brings no role, or its user is deactivated here.")
        return user

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE

    def get_raw_token(self, header: bytes) -> bytes | None:
        scheme, space, token = header.partition(b" ")
        # Schemes have no case (RFC 9110, 11.1), and a client may well send back our own `token_type`, "bearer".
        return super().get_raw_token(b"Bearer" + space + token if scheme.lower() == b"bearer" else header)

    def get_validated_token(self, raw_token: bytes) -> Any:
        claims = claims_of(raw_token, "access")
        if claims is None:
            raise InvalidToken("The token is none of ours.")
        return claims

    def get_user(self, validated_token: Any) -> Any:
        """
        Return the user of the login from which the token descends, both read in one query.

        The database's clock says whether its time is now. A logout, a reuse of a spent refresh token or a new password
        has ended the login, and this token with it.
        """
        user = user_of(validated_token)
        if user is None or not user.is_active:
            raise InvalidToken("The token names no user, or a login that has ended.")
        return user
