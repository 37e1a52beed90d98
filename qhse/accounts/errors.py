"""What the accounts app refuses."""

from __future__ import annotations

from qhse.errors import DomainError, InvalidInput, RecordNotFound


class CredentialsAreInvalid(DomainError):
    """Unknown user, wrong password, inactive user, spent or forged refresh token: one wording for all."""

    status = 401
    code = "invalid_credentials"
    title = "Unauthorized"


class UserNotFound(RecordNotFound):
    code = "user_not_found"


class UsernameIsTaken(InvalidInput):
    code = "duplicate_username"


class LastAdministratorStays(DomainError):
    """The change would leave nobody who may manage users."""

    code = "last_administrator"
