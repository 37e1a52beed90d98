"""The base of every refusal that a service can give; entry points turn it into their own kind of answer."""

from __future__ import annotations

from collections.abc import Collection


class DomainError(Exception):
    """
    A request that a rule of the domain refuses; nothing of it has been stored.

    `status` is the HTTP status that the API answers with, `code` the machine-readable name, `field` the input it is
    about, where there is one, `retry_after` the seconds after which asking again may help. Subclasses are named as
    sentences: NonConformityHasOpenActions.
    """

    status = 409
    code = "refused"
    title = "The request conflicts with the state of the record"
    retry_after: int | None = None

    def __init__(self, detail: str, *, field: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field


class InvalidInput(DomainError):
    """Input that has the right shape and still cannot be accepted (a name already taken, an unknown reference)."""

    status = 400
    code = "invalid"
    title = "Invalid input"


class RecordNotFound(DomainError):
    """The record that the request names does not exist."""

    status = 404
    code = "not_found"
    title = "Not found"


class RecordHasChanged(DomainError):
    """The caller based his change on a version of the record that is not the present one."""

    status = 412
    code = "stale_version"
    title = "Precondition failed"


def demand_version(present: int, expected: Collection[int] | None) -> None:
    """Raise RecordHasChanged unless a locked record has one of the expected versions; None expects nothing."""
    if expected is not None and present not in expected:
        raise RecordHasChanged("The record has changed since If-Match's ETag was given; read it again.")
