"""Access and refresh tokens. No other module knows simplejwt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

import jwt
from django.db import transaction
from django.db.models.functions import Now
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import RefreshToken

from audit.services import record
from qhse.accounts.errors import REFUSAL, CredentialsAreInvalid
from qhse.accounts.models import TokenFamily, User
from qhse.accounts.services.validity import is_current, untimed
from qhse.clock import note_present
from qhse.database import database_time
from qhse.queries import Given, WrittenQuery, record_of

MAX_TOKEN_LENGTH = 4096  # characters
TOKENS_KEPT = 500
"""Tokens whose claims a process keeps, for as many clients at once. It takes a megabyte."""
MAX_FAMILY_AGE = timedelta(days=30)  # then a person proves anew who they are, however often tokens were rotated

# `jti` of our tokens: the family, and the token within it. So the claims stay those of the contract.
_JTI = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{32})", re.ASCII)


@dataclass(frozen=True, slots=True)
class TokenPair:
    """`expires_in` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    role: str


def issue_tokens(user: User) -> TokenPair:
    """Begin a new family and return its first pair. The user has just proven who they are."""
    now = database_time()
    family = TokenFamily(user=user, current=uuid4().hex, expires_at=now + api_settings.REFRESH_TOKEN_LIFETIME)
    family.save(force_insert=True)
    return _pair(family, now)


def claims_of(token: str | bytes, kind: str) -> dict[str, Any] | None:
    """
    Return the claims of a token of ours, if its signature, issuer, audience and kind ("access", "refresh") are right.

    Its times are not looked at: only the database knows whether they are.
    """
    signed_by = api_settings.SIGNING_KEY, api_settings.ALGORITHM, api_settings.AUDIENCE, api_settings.ISSUER
    try:
        claims = _read_claims(token, *signed_by)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return None
    return dict(claims) if claims.get(api_settings.TOKEN_TYPE_CLAIM) == kind else None


# What a signed token says never changes, and clients send theirs with each request: a thirtieth of a page of suppliers.
# A token that is none of ours raises, and so takes no place. Whether it is still good is asked of the database.
@lru_cache(TOKENS_KEPT)
def _read_claims(token: str | bytes, key: str, algorithm: str, audience: str, issuer: str) -> Mapping[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=[algorithm],
        audience=audience,
        issuer=issuer,
        options=untimed(require=["exp", "iat", "jti", "sub"]),
    )
    return claims


def rotate_tokens(refresh_token: str) -> TokenPair:
    """
    Spend a refresh token and return the next pair of its family.

    The family's row is locked: of several uses of one token exactly one succeeds. Any use of a spent token revokes the
    whole family and leaves an audit entry, because one of its two users has stolen it.

    Raises CredentialsAreInvalid then. Also for a forged, expired or foreign token, a revoked family, a deactivated
    user.
    """
    with transaction.atomic():
        pair = _rotate(refresh_token)
    # Raised outside, because the revocation must outlive the refusal.
    if pair is None:
        raise CredentialsAreInvalid(REFUSAL)
    return pair


def revoke_tokens(refresh_token: str) -> None:
    """
    Log out: revoke the family of this refresh token, its access tokens included.

    Raises CredentialsAreInvalid as `rotate_tokens` does.
    """
    with transaction.atomic():
        family = _family_for_use(refresh_token)
        if family is not None:
            _revoke(family, "LOGGED_OUT")
    if family is None:
        raise CredentialsAreInvalid(REFUSAL)


def revoke_all_tokens(user: User) -> None:
    """Revoke every family of a user, in the caller's transaction: after a new password or a deactivation."""
    TokenFamily.objects.filter(user=user, revoked_at__isnull=True).update(revoked_at=Now())


def user_of(claims: Mapping[str, Any]) -> User | None:
    """Return the user for whom an access token was issued. None if its time is not now, or its family is revoked."""
    names = _names(claims)
    if names is None:
        return None
    row = _user_of_family.first(family=names[0])
    if row is None or str(row[0]) != claims.get("sub") or not is_current(claims, row[-1]):
        return None
    note_present(row[-1])
    user: User = record_of(User, _USER_COLUMNS, row[:-1])
    return user


# At every request. Through the ORM it cost a third of the CPU of a page of suppliers.
_USER_COLUMNS = ["id", "username", "role", "is_active", "is_staff"]
_user_of_family = WrittenQuery(
    lambda: TokenFamily.objects.filter(
        pk=Given("family", TokenFamily._meta.get_field("id")), revoked_at__isnull=True
    ).values_list(*(f"user__{column}" for column in _USER_COLUMNS), Now())
)


def _rotate(refresh_token: str) -> TokenPair | None:
    family = _family_for_use(refresh_token)
    if family is None or not family.user.is_active:
        return None
    if family.created_at < family.now - MAX_FAMILY_AGE:
        return None
    family.current, family.expires_at = uuid4().hex, family.now + api_settings.REFRESH_TOKEN_LIFETIME
    family.save(update_fields=["current", "expires_at"])
    return _pair(family, family.now)


def _family_for_use(refresh_token: str) -> Any:
    """Return the locked family whose current token this is, with the time as `now`. A spent one revokes its family."""
    claims = claims_of(refresh_token, "refresh")
    names = None if claims is None else _names(claims)
    if claims is None or names is None:
        return None
    locked = TokenFamily.objects.select_for_update(of=("self",)).select_related("user").annotate(now=Now())
    family = locked.filter(pk=names[0], revoked_at__isnull=True).first()
    if family is None or str(family.user_id) != claims.get("sub") or not is_current(claims, family.now):
        return None
    if family.current != names[1]:
        _revoke(family, "TOKEN_REUSED")
        return None
    return family


def _revoke(family: TokenFamily, action: str) -> None:
    TokenFamily.objects.filter(pk=family.pk).update(revoked_at=Now())
    record(
        actor=family.user, action=action, entity_type="user", entity_id=family.user_id, changes={}, with_address=True
    )


def _names(claims: Mapping[str, Any]) -> tuple[UUID, str] | None:
    jti = claims.get("jti")
    match = _JTI.fullmatch(jti) if isinstance(jti, str) else None
    return (UUID(match[1]), match[2]) if match else None


def _pair(family: TokenFamily, now: datetime) -> TokenPair:
    refresh = RefreshToken.for_user(family.user)
    refresh["jti"] = f"{family.pk.hex}.{family.current}"
    # For the client's convenience only: every decision reads the role from the database.
    refresh["role"] = family.user.role
    access = refresh.access_token
    for token in (refresh, access):
        token.set_iat(at_time=now)
        token.set_exp(from_time=now)
    access["jti"] = f"{family.pk.hex}.{uuid4().hex}"
    return TokenPair(
        access_token=str(access),
        refresh_token=str(refresh),
        expires_in=int(api_settings.ACCESS_TOKEN_LIFETIME.total_seconds()),
        role=family.user.role,
    )
