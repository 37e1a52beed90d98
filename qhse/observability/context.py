"""Who asked and from where. For audit entries, outbox headers and log lines."""

from __future__ import annotations

import re
import uuid
from contextvars import ContextVar
from dataclasses import dataclass

_ACCEPTED_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class RequestContext:
    """
    `source` is one of api, admin, command, worker.

    `request_id` and `client_address` are empty where nothing asked by HTTP. `counted_address` is what limits count by,
    and empty where the client is not known: see `qhse.observability.addresses`.
    """

    request_id: str = ""
    source: str = "command"
    client_address: str = ""
    counted_address: str = ""


# A context variable and not a thread local, so that nothing is shared between requests that one thread or one
# event loop interleaves.
_current: ContextVar[RequestContext] = ContextVar("request_context", default=RequestContext())  # noqa: B039


def current() -> RequestContext:
    """Return the context of the running request, command or event."""
    return _current.get()


class use:
    """Make a context the current one inside the `with` block, and the former one again after it."""

    __slots__ = ("_context", "_token")

    def __init__(self, *, request_id: str, source: str, client_address: str = "", counted_address: str = "") -> None:
        self._context = RequestContext(request_id, source, client_address, counted_address)

    def __enter__(self) -> RequestContext:
        self._token = _current.set(self._context)
        return self._context

    def __exit__(self, *exception: object) -> None:
        _current.reset(self._token)


def accept_request_id(offered: str | None) -> str:
    """
    Return the caller's request id if it is harmless, else a new one.

    The pattern keeps line breaks, escapes and megabytes out of logs, audit entries and answers.
    """
    if offered and _ACCEPTED_REQUEST_ID.fullmatch(offered):
        return offered
    return uuid.uuid4().hex
