"""What the accounts app refuses."""

from __future__ import annotations

import math

from qhse.errors import DomainError, InvalidInput, RecordNotFound

REFUSAL = "The credentials or the token are not valid, or no longer."


class CredentialsAreInvalid(DomainError):
    """Unknown user, wrong password, inactive user, spent or forged refresh token. One wording for all."""

    status = 401
    code = "invalid_credentials"
    title = "Unauthorized"


class LoginIsBlocked(DomainError):
    """Too many failed logins of this account or from this address. `retry_after` is in seconds."""

    status = 429
    code = "too_many_failed_logins"
    title = "Too many requests"

    def __init__(self, retry_after: float) -> None:
        super().__init__("Too many failed logins; wait as long as Retry-After says.")
        self.retry_after = math.ceil(retry_after)


class UserNotFound(RecordNotFound):
    code = "user_not_found"


class UserIsActive(DomainError):
    """Only who has left can be forgotten."""

    code = "user_is_active"


class UsernameIsTaken(InvalidInput):
    code = "duplicate_username"


class UsernameIsInvalid(InvalidInput):
    code = "invalid_username"


class PasswordIsTooLong(InvalidInput):
    code = "password_too_long"


class LastAdministratorStays(DomainError):
    """The change would leave nobody who may manage users."""

    code = "last_administrator"
