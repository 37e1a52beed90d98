"""Writes to users. Each leaves an audit entry in its own transaction. Users are never deleted."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import CharField, Q
from django.db.models.functions import Now

from audit.proof.verify_export import pseudonym_of
from audit.pseudonyms import replace_actor_name
from audit.services import Actor, record
from qhse.accounts.errors import (
    LastAdministratorStays,
    PasswordIsTooLong,
    UserIsActive,
    UsernameIsInvalid,
    UsernameIsTaken,
    UserNotFound,
)
from qhse.accounts.models import User
from qhse.accounts.passwords import MAX_PASSWORD_LENGTH, prepared
from qhse.accounts.roles import Role
from qhse.accounts.services.tokens import revoke_all_tokens
from qhse.accounts.usernames import UsernameRefused, normalise_username, username_key
from qhse.errors import InvalidInput, demand_version
from qhse.text import LineRefused, one_line, plain

PERSONAL = ("email", "first_name", "last_name")
CHANGEABLE = ("role", "is_active", "is_staff", *PERSONAL)


@transaction.atomic
def create_user(
    *,
    username: str,
    password: str | None,
    role: Role,
    actor: Actor | None,
    is_staff: bool = False,
    **profile: Any,
) -> User:
    """
    Create a user and its audit entry. Without a `password` nobody can log in with the account.

    Raises UsernameIsInvalid, UsernameIsTaken, PasswordIsTooLong; InvalidInput as `checked_profile` does.
    """
    username, profile = checked_username(username), checked_profile(profile)
    _refuse_overlong(password)
    try:
        with transaction.atomic():
            user = User.objects.create_user(username, password=password, role=role, is_staff=is_staff, **profile)
    except IntegrityError as error:
        known = User.objects.named(username)
        taken = username if known is None else known.username
        raise UsernameIsTaken(f"There is already a user named {taken!r}.", field="username", existing=known) from error
    record(
        actor=actor,
        action="USER_CREATED",
        entity_type="user",
        entity_id=user.pk,
        changes={
            "username": (None, user.username),
            "email": (None, user.email),
            "role": (None, str(role)),
            "is_staff": (None, is_staff),
            "is_active": (None, True),
        },
    )
    return user


@transaction.atomic
def change_user(
    *,
    user_id: int,
    actor: Actor | None,
    changes: dict[str, Any],
    reason: str = "",
    expected_versions: Collection[int] | None = None,
) -> User:
    """
    Change role, activity or profile of a user, with one audit entry of old and new values.

    Acts on the user's next request, whatever tokens are about. A deactivation ends the user's logins, so that none
    comes back with the user. Values that are no change are passed over. Locks the user and all active administrators.

    Raises UserNotFound, LastAdministratorStays; InvalidInput as `checked_profile` does; RecordHasChanged when the
    user's version is not among the `expected_versions`. None expects nothing.
    """
    # The administrators too and in one order, so that two who demote each other take turns: each would otherwise
    # still see the other as one, or wait for the other for ever.
    is_administrator = Q(role=Role.ADMIN, is_active=True)
    locked = User.objects.select_for_update(no_key=True).filter(Q(pk=user_id) | is_administrator).order_by("pk")
    everyone = {user.pk: user for user in locked}
    user = everyone.pop(user_id, None)
    if user is None:
        raise UserNotFound(f"There is no user {user_id}.")
    demand_version(user.version, expected_versions)
    unknown = set(changes) - set(CHANGEABLE)
    if unknown:
        raise ValueError(f"not changeable here: {', '.join(sorted(unknown))}")
    # What stands there already is not judged: a rule of today may be younger than it.
    changes = checked_profile({name: value for name, value in changes.items() if getattr(user, name) != value})
    real = {name: (getattr(user, name), value) for name, value in changes.items() if getattr(user, name) != value}
    if not real:
        return user
    was_administrator = user.is_active and user.role == Role.ADMIN
    for name, (_, value) in real.items():
        setattr(user, name, value)
    if was_administrator and not (user.is_active and user.role == Role.ADMIN):
        _keep_one_administrator(everyone.values())
    user.version += 1
    user.save(update_fields=[*real, "version"])
    if "is_active" in real and not user.is_active:
        revoke_all_tokens(user)
        _end_sessions(user)
    record(
        actor=actor,
        action="USER_CHANGED",
        entity_type="user",
        entity_id=user.pk,
        changes=real,
        reason=plain(reason),
    )
    return user


@transaction.atomic
def set_password(*, user_id: int, password: str | None, actor: Actor | None) -> User:
    """
    Set a password and end everything that was begun with the old one: tokens here, sessions by Django.

    The audit entry says that it was set, and nothing of what it is. Raises UserNotFound, PasswordIsTooLong.
    """
    _refuse_overlong(password)
    user = User.objects.select_for_update(no_key=True).filter(pk=user_id).first()
    if user is None:
        raise UserNotFound(f"There is no user {user_id}.")
    user.set_password(password)
    user.version += 1
    user.save(update_fields=["password", "version"])
    revoke_all_tokens(user)
    record(actor=actor, action="USER_PASSWORD_SET", entity_type="user", entity_id=user.pk, changes={})
    return user


@transaction.atomic
def pseudonymise_user(*, username: str, actor: Actor | None, reason: str) -> tuple[str, int]:
    """
    Replace a deactivated user's name by a pseudonym. Return that, and the number of audit entries that bore the name.

    The account loses names and address. The entries in which the user acted get the pseudonym; seals stay valid. What
    entries about the account hold as old and new values stays, because it is sealed. It cannot be undone. Writers of
    audit entries wait meanwhile.

    Raises UserNotFound, UserIsActive, and InvalidInput without a reason. Raises DatabaseError for a database role that
    does not own the trail.
    """
    reason = plain(reason)
    if not reason:
        raise InvalidInput("Say why.", field="reason")
    user = User.objects.select_for_update(no_key=True).filter(username_key=username_key(username)).first()
    if user is None:
        raise UserNotFound(f"There is no user {username!r}.")
    if user.is_active:
        raise UserIsActive(f"{user.username!r} can still log in; deactivate the account first.")
    entries = replace_actor_name(user.pk)
    user.username = pseudonym_of(user.pk)
    user.email = user.first_name = user.last_name = ""
    user.set_unusable_password()
    user.version += 1
    user.save()
    # Without old and new values: they are what is to be forgotten.
    record(
        actor=actor,
        action="USER_PSEUDONYMISED",
        entity_type="user",
        entity_id=user.pk,
        changes={},
        reason=reason,
    )
    return user.username, entries


def checked_username(username: str) -> str:
    """Return the name as it is stored. Raises UsernameIsInvalid."""
    try:
        return normalise_username(username)
    except UsernameRefused as refusal:
        raise UsernameIsInvalid(str(refusal), field="username") from None


def checked_profile(profile: dict[str, Any]) -> dict[str, Any]:
    """Return a user's columns with their PERSONAL ones as they are stored. Raises InvalidInput for what cannot be."""
    return {name: _checked_line(name, value) if name in PERSONAL else value for name, value in profile.items()}


def _checked_line(name: str, value: str | None) -> str:
    field = User._meta.get_field(name)
    assert isinstance(field, CharField)
    try:
        line: str = field.clean(one_line(value or "", called=str(field.verbose_name)), None)
    except LineRefused as refusal:
        raise InvalidInput(str(refusal), field=name) from None
    except ValidationError as refusal:
        raise InvalidInput(" ".join(refusal.messages), field=name) from None
    return line


def _end_sessions(user: User) -> None:
    """Remove a user's admin sessions. Only a new password ends those by itself."""
    # Whose a session is stands inside of it; there are as many as staff that logged in today.
    for session in Session.objects.filter(expire_date__gt=Now()):
        if session.get_decoded().get(SESSION_KEY) == str(user.pk):
            session.delete()


def _refuse_overlong(password: str | None) -> None:
    """Raise PasswordIsTooLong for a password that no login would look at."""
    if password is not None and len(prepared(password)) > MAX_PASSWORD_LENGTH:
        raise PasswordIsTooLong(f"A password has at most {MAX_PASSWORD_LENGTH} characters.", field="password")


def _keep_one_administrator(others: Iterable[User]) -> None:
    if not any(other.role == Role.ADMIN and other.is_active for other in others):
        raise LastAdministratorStays("This is the last active administrator; name another one first.")
