"""The base of every refusal of a service. Entry points turn it into their own kind of answer."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any


class DomainError(Exception):
    """
    A request that a rule of the domain refuses. Nothing of it has been stored.

    `status` is the HTTP status of the API's answer, `code` the machine-readable name. `field` is the input it is about,
    where there is one, and `existing` the record that is in the way. Asking again may help after `retry_after` seconds.
    Subclasses are named as sentences: NonConformityHasOpenActions.
    """

    status = 409
    code = "refused"
    title = "The request conflicts with the state of the record"
    retry_after: int | None = None

    def __init__(self, detail: str, *, field: str | None = None, existing: Any = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.existing = existing


class InvalidInput(DomainError):
    """Input of the right shape that cannot be accepted: a name already taken, an unknown reference."""

    status = 400
    code = "invalid"
    title = "Invalid input"


class RecordNotFound(DomainError):
    """The record that the request names does not exist."""

    status = 404
    code = "not_found"
    title = "Not found"


class AnotherPersonMust(DomainError):
    """Four eyes: the person who did the one thing does not do the other."""

    status = 403
    code = "another_person_must"
    title = "Somebody else has to do this"


class RecordHasChanged(DomainError):
    """The change is based on a version of the record that is not the present one."""

    status = 412
    code = "stale_version"
    title = "Precondition failed"


_CHANGED = "The record has changed since If-Match's ETag was given; read it again."
_FOREIGN = (
    'If-Match names no ETag of this server; they are numbers in quotes, such as "3". Send the ETag of an earlier '
    "answer as you got it. If you did, a proxy has rewritten it."
)


def demand_version(present: int, expected: Collection[int] | None) -> None:
    """Raise RecordHasChanged unless a locked record has an expected version. None expects nothing."""
    if expected is not None and present not in expected:
        raise RecordHasChanged(_CHANGED if expected else _FOREIGN)
