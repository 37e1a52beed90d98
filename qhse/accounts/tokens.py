"""Access and refresh tokens: the one module that knows simplejwt."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import DataError, transaction
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken

from qhse.accounts.errors import CredentialsAreInvalid
from qhse.accounts.models import User

REFUSAL = "The credentials or the token are not valid, or no longer."
MAX_TOKEN_LENGTH = 4096  # characters


@dataclass(frozen=True, slots=True)
class TokenPair:
    """`expires_in` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    role: str


def issue_tokens(user: User) -> TokenPair:
    """Return a new pair for a user who has just proven who he is; the refresh token is recorded."""
    refresh = RefreshToken.for_user(user)
    # For the client's convenience only: every decision reads the role from the database.
    refresh["role"] = user.role
    return TokenPair(
        access_token=str(refresh.access_token),
        refresh_token=str(refresh),
        expires_in=int(api_settings.ACCESS_TOKEN_LIFETIME.total_seconds()),
        role=user.role,
    )


@transaction.atomic
def rotate_tokens(refresh_token: str) -> TokenPair:
    """
    Spend a refresh token and return a new pair.

    Of several uses of one token exactly one succeeds: the token's row is locked while it is spent. Raises
    CredentialsAreInvalid for a forged, expired, spent or foreign token and for a deactivated user.
    """
    user = _spend(refresh_token)
    if user is None or not user.is_active:
        raise CredentialsAreInvalid(REFUSAL)
    return issue_tokens(user)


@transaction.atomic
def revoke_tokens(refresh_token: str) -> None:
    """Spend a refresh token for good. Raises CredentialsAreInvalid as `rotate_tokens` does."""
    _spend(refresh_token)


def _spend(refresh_token: str) -> User | None:
    try:
        refresh = RefreshToken(refresh_token)  # type: ignore[arg-type]
        jti = str(refresh["jti"])
        # The check for a spent token inside RefreshToken() saw a state that a parallel use may just be changing;
        # locked, the second use waits here and then finds the token spent.
        row = OutstandingToken.objects.select_for_update(of=("self",)).select_related("user").filter(jti=jti).first()
        if row is None or hasattr(row, "blacklistedtoken") or str(row.user_id) != refresh["sub"]:
            raise CredentialsAreInvalid(REFUSAL)
        refresh.blacklist()
    except (TokenError, KeyError, TypeError, ValueError, OverflowError, OSError, DataError):
        # The last three: claims that are signed and still absurd, a time beyond the calendar or a NUL in the id.
        raise CredentialsAreInvalid(REFUSAL) from None
    return row.user
