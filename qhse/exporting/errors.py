"""What exports refuse, before anything is sent."""

from __future__ import annotations

from qhse.errors import DomainError


class ListIsTooLong(DomainError):
    """A form holds no list of this length. Another form may, or a narrower list."""

    status = 406
    code = "too_many_rows"
    title = "Not acceptable"


class TooManyExports(DomainError):
    """Another export runs, of this person or in this process. Each of them keeps a thread of the server."""

    status = 429
    code = "too_many_exports"
    title = "Too many requests"
    retry_after = 5
