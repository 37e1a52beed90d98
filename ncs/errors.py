"""What the ncs app refuses."""

from __future__ import annotations

from qhse.errors import DomainError, InvalidInput, RecordNotFound


class NonConformityNotFound(RecordNotFound):
    code = "nonconformity_not_found"


class DescriptionIsInvalid(InvalidInput):
    code = "invalid_description"


class NonConformityMoveIsForbidden(DomainError):
    """The workflow has no such move from the present status."""

    code = "forbidden_move"
