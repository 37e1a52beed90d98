"""Tokens of an external identity provider: verified by its published keys, its roles mapped to ours."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import jwt
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from jwt import PyJWKClient

from audit.services import record
from qhse.accounts.models import User
from qhse.accounts.roles import Role
from qhse.accounts.services.validity import is_current, untimed
from qhse.accounts.usernames import means_somebody_else, resembling
from qhse.database import database_time
from qhse.errors import DomainError

FETCH_SECONDS = 5  # that the provider may take to give its keys
KEYS_KEPT_SECONDS = 300
FETCH_AGAIN_SECONDS = 30  # at the earliest, for a key that is unknown or a provider that is away
MAX_USERNAME = 120  # characters, so that a suffix still fits
REASON = "identity provider"
_IS_TEXT = re.compile(
    "[^\x00\ud800-\udfff]+"
)  # JSON can write NUL and lone surrogates; no encoder and no table takes them


class IdentityProviderIsAway(DomainError):
    """The provider has given no keys yet. Nobody can say whether a token is genuine."""

    status = 503
    code = "identity_provider_unavailable"
    title = "Service unavailable"
    retry_after = 5


def is_issued_by_provider(raw_token: bytes) -> bool:
    """Answer whether a token names the configured issuer. That verifies nothing of it."""
    if not settings.OIDC_ISSUER:
        return False
    try:
        claims: dict[str, Any] = jwt.decode(raw_token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, ValueError, TypeError, RecursionError):
        return False
    return claims.get("iss") == settings.OIDC_ISSUER


def user_of_external_token(raw_token: bytes) -> User | None:
    """
    Return the user for whom the provider issued this token. None if it is not good, or carries no role of ours.

    The first token records the user and an audit entry, together. A local account of the same name or e-mail is never
    taken for that user. A later token brings its role with it, audited as well; an earlier one never brings a former
    role back. The provider is the authority for its users: it may take the last administrator's role away.

    Raises IdentityProviderIsAway.
    """
    claims = _verified(raw_token)
    role = None if claims is None else _role_in(claims)
    if claims is None or role is None:
        return None
    issued_at = datetime.fromtimestamp(claims["iat"], UTC)
    user: Any = User.objects.annotate(now=Now()).filter(external_id=_external_id(claims)).first()
    if not is_current(claims, database_time() if user is None else user.now):
        return None
    if user is None:
        return _record_user(claims, role, issued_at)
    if user.external_role_at is None or issued_at > user.external_role_at:
        return _follow_role(user.pk, role, issued_at)
    found: User = user
    return found


def _verified(raw_token: bytes) -> dict[str, Any] | None:
    try:
        header = jwt.get_unverified_header(raw_token)
        if header.get("alg") not in settings.OIDC_ALGORITHMS or not isinstance(header.get("kid"), str):
            return None
        key = _keys(settings.OIDC_JWKS_URL).get_signing_key(header["kid"])
        claims: dict[str, Any] = jwt.decode(
            raw_token,
            key,
            algorithms=settings.OIDC_ALGORITHMS,
            audience=settings.OIDC_AUDIENCE,
            issuer=settings.OIDC_ISSUER,
            options=untimed(require=["exp", "iat", "iss", "aud", "sub"]),
        )
        datetime.fromtimestamp(claims["iat"], UTC)
    except jwt.PyJWKClientConnectionError as error:
        raise IdentityProviderIsAway("The identity provider cannot be asked for its keys now.") from error
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, OSError, RecursionError):
        # The last ones: claims that are signed and still absurd.
        return None
    subject = claims["sub"]
    return claims if isinstance(subject, str) and _IS_TEXT.fullmatch(subject) else None


class _Keys(PyJWKClient):
    """
    The provider's keys, kept for KEYS_KEPT_SECONDS.

    For an unknown key the library fetches again, at most every FETCH_AGAIN_SECONDS. It follows no redirects and fetches
    one at a time. While the provider is away the last keys stay good. It is not asked again for each request.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url, timeout=FETCH_SECONDS, lifespan=KEYS_KEPT_SECONDS, cooldown_duration=FETCH_AGAIN_SECONDS)
        self._last_good: Any = None
        self._failed_at = float("-inf")

    def fetch_data(self) -> Any:
        error: Exception | None = None
        if time.monotonic() - self._failed_at >= FETCH_AGAIN_SECONDS:
            try:
                self._last_good = super().fetch_data()
            except (jwt.PyJWTError, ValueError, OSError) as failure:
                error = failure
                self._failed_at = time.monotonic()
        if self._last_good is None:
            raise jwt.PyJWKClientConnectionError("no keys have been fetched yet") from error
        return self._last_good


@cache
def _keys(url: str) -> _Keys:
    return _Keys(url)


def _role_in(claims: dict[str, Any]) -> Role | None:
    value: Any = claims
    # A claim may itself be named by an address, with dots. Such a name comes first.
    whole = settings.OIDC_ROLE_CLAIM in claims
    for name in [settings.OIDC_ROLE_CLAIM] if whole else settings.OIDC_ROLE_CLAIM.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    listed = value if isinstance(value, list) else [value]
    theirs = {each for each in listed if isinstance(each, str)}
    ours = (Role(role) for name, role in settings.OIDC_ROLES.items() if name in theirs)
    return next(ours, None)


def _external_id(claims: dict[str, Any]) -> str:
    return hashlib.sha256(f"{claims['iss']}|{claims['sub']}".encode()).hexdigest()


def _names(claims: dict[str, Any]) -> Iterator[str]:
    """
    Yield user names to try: the provider's, then that with a suffix that no local account can have.

    A name that could not stay as the provider has it goes with the suffix alone: it is not the one that was claimed.
    """
    digest = _external_id(claims)[:12]
    claimed = claims.get(settings.OIDC_USERNAME_CLAIM)
    name, is_changed = resembling(claimed, longest=MAX_USERNAME) if isinstance(claimed, str) else ("", True)
    if name and not is_changed and not means_somebody_else(name):
        yield name
    yield f"{name or 'external'}~{digest}"


@transaction.atomic
def _record_user(claims: dict[str, Any], role: Role, issued_at: datetime) -> User | None:
    external_id = _external_id(claims)
    for name in _names(claims):
        try:
            with transaction.atomic():
                user = User.objects.create_user(
                    name, password=None, role=role, external_id=external_id, external_role_at=issued_at
                )
        except IntegrityError:
            # The name is taken, or a parallel first request was quicker; asking first would only move the race.
            known = User.objects.filter(external_id=external_id).first()
            if known is not None:
                return known
            continue
        changes = {"username": (None, name), "role": (None, str(role)), "is_active": (None, True)}
        record(actor=None, action="USER_CREATED", entity_type="user", entity_id=user.pk, changes=changes, reason=REASON)
        return user
    return None


@transaction.atomic
def _follow_role(user_id: int, role: Role, issued_at: datetime) -> User:
    user = User.objects.select_for_update(no_key=True).get(pk=user_id)
    if user.external_role_at is not None and issued_at <= user.external_role_at:
        return user  # a later token was quicker
    former, user.role, user.external_role_at = user.role, role, issued_at
    user.version += former != role
    user.save(update_fields=["role", "external_role_at", "version"])
    if former != role:
        record(
            actor=None, action="USER_CHANGED", entity_type="user", entity_id=user.pk,
            changes={"role": (former, str(role))}, reason=REASON,
        )  # fmt: skip
    return user
