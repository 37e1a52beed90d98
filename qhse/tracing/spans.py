"""
Spans as they are recorded: cheap, because each statement of a recorded request is one.

What they become on the wire is the affair of `qhse.tracing.otlp`, in a thread of its own.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar, Token
from enum import IntEnum
from typing import Any, NamedTuple

Value = str | int
CHILDREN_AT_MOST = 250  # statements of one span that are recorded: a long export must not fill the queue
LINKS_AT_MOST = 128

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)
_NO_TRACE, _NO_SPAN = bytes(16), bytes(8)


class Kind(IntEnum):
    """The kinds of OpenTelemetry, by their numbers on the wire."""

    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5


class Origin(NamedTuple):
    """What a `traceparent` says."""

    trace_id: bytes
    span_id: bytes
    is_recorded: bool


class Cause(NamedTuple):
    """One of the things that a call works on. The `carrier` says which trace it belongs to."""

    carrier: Mapping[str, Any]
    request_id: str
    attributes: dict[str, Value]


def parse(traceparent: object) -> Origin | None:
    """Read the header of W3C Trace Context, version 00. What is malformed names nothing."""
    found = _TRACEPARENT.fullmatch(traceparent) if isinstance(traceparent, str) else None
    if not found:
        return None
    origin = Origin(bytes.fromhex(found[1]), bytes.fromhex(found[2]), bool(int(found[3], 16) & 1))
    return None if origin.trace_id == _NO_TRACE or origin.span_id == _NO_SPAN else origin


def moment() -> int:
    """Return nanoseconds of this host's clock: collectors know no other, and nothing is decided by it."""
    return time.time_ns()


def new_trace_id() -> bytes:
    return os.urandom(16)


def begins_a_trace(trace_id: bytes, share: float) -> bool:
    """Decide by the id, as OpenTelemetry's `traceidratio` does: programs with the same share agree."""
    return int.from_bytes(trace_id[8:], "big") < share * 2**64


class Span:
    """The span of what nobody records. It does nothing."""

    __slots__ = ()

    def __enter__(self) -> Span:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None: ...

    def describe(self, name: str | None = None, *, failed: str = "", **attributes: Value) -> None:
        """Rename it, add attributes, or say by which kind of error it failed."""

    def join(self, carriers: Iterable[Mapping[str, Any]]) -> None:
        """Link a batch to what it works on."""


NOTHING = Span()


class Pause(Span):
    """What is not recorded itself, within something that is."""

    __slots__ = ("_token",)

    def __enter__(self) -> Span:
        self._token = _current.set(None)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        _current.reset(self._token)


class RecordedSpan(Span):
    """
    A span that is recorded. Within its block it is the running one of this thread.

    An error leaves the name of its class. Messages of errors quote values, which may be names of people.
    """

    __slots__ = (
        "_children", "_token", "attributes", "began_at", "ended_at", "failed", "kind", "links", "name", "parent_id",
        "span_id", "trace_id",
    )  # fmt: skip

    def __init__(
        self, name: str, kind: Kind, trace_id: bytes, parent_id: bytes, attributes: dict[str, Value] | None = None
    ) -> None:
        self.name = name
        self.kind = kind
        self.trace_id = trace_id
        self.span_id = os.urandom(8)
        self.parent_id = parent_id
        self.attributes: dict[str, Value] = {} if attributes is None else attributes
        self.links: list[tuple[bytes, bytes]] = []  # trace and span
        self.failed = ""
        self.began_at = self.ended_at = moment()
        self._children = 0
        self._token: Token[RecordedSpan | None] | None = None

    def __enter__(self) -> RecordedSpan:
        self._token = _current.set(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if self._token is not None:
            _current.reset(self._token)
        if kind is not None:
            self.failed = kind.__name__
        self.finish()

    def finish(self) -> None:
        """End it. It is not changed afterwards."""
        self.ended_at = moment()
        if self._children > CHILDREN_AT_MOST:
            self.attributes["qhse.statements_not_recorded"] = self._children - CHILDREN_AT_MOST
        sink(self)

    def describe(self, name: str | None = None, *, failed: str = "", **attributes: Value) -> None:
        self.name = name or self.name
        self.failed = failed or self.failed
        self.attributes.update(attributes)

    def carrier(self) -> dict[str, str]:
        return {"traceparent": f"00-{self.trace_id.hex()}-{self.span_id.hex()}-01"}

    def cause(self, request_id: str | None) -> RecordedSpan | None:
        """Return the span that others continue, of what this request has caused."""
        return self

    def keep_statement(self, name: str, attributes: dict[str, Value], began_at: int, failed: str) -> None:
        """Record a statement that has ended now. Its attributes belong to all statements with that text."""
        self._children += 1
        if self._children > CHILDREN_AT_MOST:
            return
        statement = RecordedSpan(name, Kind.CLIENT, self.trace_id, self.span_id, attributes)
        statement.began_at, statement.failed = began_at, failed
        sink(statement)


class BatchSpan(RecordedSpan):
    """
    The span of work on many things. Nobody continues it: at a share of 0.05, nearly every batch holds something that is
    recorded, and everything that followed would be recorded with it.
    """

    __slots__ = ()

    def __init__(self, name: str, attributes: dict[str, Value]) -> None:
        super().__init__(name, Kind.CONSUMER, b"", b"", attributes)

    def __enter__(self) -> RecordedSpan:
        return self

    def join(self, carriers: Iterable[Mapping[str, Any]]) -> None:
        origins = [origin for each in carriers if (origin := parse(each.get("traceparent"))) and origin.is_recorded]
        if not origins or self._token is not None:
            return
        self.trace_id = new_trace_id()
        self.links += [(origin.trace_id, origin.span_id) for origin in origins[:LINKS_AT_MOST]]
        self._token = _current.set(self)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if self._token is not None:
            super().__exit__(kind, error, trace)

    def cause(self, request_id: str | None) -> RecordedSpan | None:
        return None


class CallSpan(RecordedSpan):
    """The span of a call with several causes, of which each has a span of the same time in its own trace."""

    __slots__ = ("_by_request", "_members")

    def __init__(self, name: str, around: RecordedSpan | None, causes: Sequence[tuple[Cause, Origin]]) -> None:
        trace, parent = (around.trace_id, around.span_id) if around else (new_trace_id(), b"")
        super().__init__(name, Kind.INTERNAL, trace, parent)
        self._members = [
            RecordedSpan(name, Kind.CONSUMER, origin.trace_id, origin.span_id, cause.attributes)
            for cause, origin in causes
        ]
        for member in self._members:
            member.links.append((self.trace_id, self.span_id))
        # What follows from several events of one request follows from the last of them.
        self._by_request = {cause.request_id: each for (cause, _), each in zip(causes, self._members, strict=True)}

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        super().__exit__(kind, error, trace)
        for member in self._members:
            member.failed = self.failed
            member.finish()

    def cause(self, request_id: str | None) -> RecordedSpan | None:
        return self._by_request.get(request_id) if request_id else None


# Of this thread. A context variable, as that of the request's context.
_current: ContextVar[RecordedSpan | None] = ContextVar("span", default=None)
current: Callable[[], RecordedSpan | None] = _current.get


def _forget(span: RecordedSpan) -> None: ...


sink: Callable[[RecordedSpan], None] = _forget
"""Where spans go that have ended."""
