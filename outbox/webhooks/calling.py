"""
One call of an endpoint: resolve, check, connect, send, read. Bounded in time and size, in a thread without a database.

The address that was checked is the one that is connected to. So a name that answers otherwise the second time, and a
redirect, lead nowhere else. No proxy of the environment is asked: it would resolve the name itself.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from outbox.webhooks.addresses import Address, Network, address_of, may_be_called
from outbox.webhooks.resolving import Resolve, resolver
from outbox.webhooks.targets import Target
from qhse.bounded_line import BadAnswer, BoundedLine, Deadline

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0
BODY_SECONDS = 2.0
"""For the answer's body, once its status is known: it is only shown to people."""
MOST_READ = 32_768
"""Bytes of an answer, head included."""
MOST_ADDRESSES = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call. Without a `status` there was no answer, and `error` says why, without secrets."""

    status: int | None
    error: str = ""
    excerpt: str = ""
    retry_after: str = ""
    milliseconds: int = 0

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status <= 299


class CallFailed(Exception):
    """No answer. The message says why, in words for the log that people read."""


def call(
    target: Target,
    headers: Mapping[str, str],
    body: bytes,
    *,
    allowed: Collection[Network],
    resolve: Resolve = socket.getaddrinfo,
    context: ssl.SSLContext | None = None,
    seconds: float = TOTAL_SECONDS,
    excerpt: int = 2_048,
) -> Answer:
    """Post `body` and return what came of it. Raises nothing."""
    began = time.monotonic()
    deadline = Deadline(seconds)
    try:
        with _connected(target, _addresses(target, allowed, resolve, deadline), deadline, context) as line:
            bounded = BoundedLine(line, deadline, MOST_READ)
            bounded.sendall(_head(target, headers, len(body)) + body)
            answer = _answer(bounded, deadline, excerpt)
    except (CallFailed, BadAnswer) as failure:
        answer = Answer(None, str(failure))
    except ssl.SSLCertVerificationError as error:
        answer = Answer(None, f"its certificate is not valid for {target.host}: {error.verify_message}")
    except ssl.SSLError as error:
        answer = Answer(None, f"no TLS: {error.reason or error}")
    except TimeoutError:
        answer = Answer(None, f"took longer than {seconds:g} s")
    except http.client.HTTPException as error:
        answer = Answer(None, f"the answer is not HTTP: {type(error).__name__}")
    except (OSError, ValueError) as error:
        answer = Answer(None, f"no connection: {getattr(error, 'strerror', None) or type(error).__name__}")
    took = int((time.monotonic() - began) * 1000)
    return Answer(answer.status, answer.error, answer.excerpt, answer.retry_after, took)


def _addresses(target: Target, allowed: Collection[Network], resolve: Resolve, deadline: Deadline) -> list[Address]:
    """Return the addresses of a name, all of which may be called. One that may not refuses the others with it."""
    try:
        found = resolver.look_up(resolve, deadline, target.host, target.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise CallFailed(f"the name {target.host} cannot be resolved") from error
    except TimeoutError as error:
        raise CallFailed(f"the name {target.host} was not resolved in time: {error}") from error
    addresses = list(dict.fromkeys(address_of(entry[4][0]) for entry in found))
    if not addresses:
        raise CallFailed(f"the name {target.host} has no address")
    for address in addresses:
        if not may_be_called(address, allowed):
            # Which one it is stays untold: the log would show the inner network to who named the endpoint.
            raise CallFailed(f"the name {target.host} leads to an address that is not on the public internet")
    return addresses[:MOST_ADDRESSES]


def _connected(
    target: Target, addresses: list[Address], deadline: Deadline, context: ssl.SSLContext | None
) -> socket.socket:
    line = _first_open(addresses, target.port, deadline)
    if target.scheme != "https":
        return line
    try:
        line.settimeout(deadline.left())
        return (context or ssl.create_default_context()).wrap_socket(line, server_hostname=target.host)
    except BaseException:
        line.close()
        raise


def _first_open(addresses: list[Address], port: int, deadline: Deadline) -> socket.socket:
    error: OSError = OSError("no address")
    for address in addresses:
        line = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
        line.settimeout(deadline.left(CONNECT_SECONDS))
        try:
            line.connect((str(address), port))
        except OSError as refused:
            line.close()
            error = refused
        else:
            return line
    if isinstance(error, TimeoutError):
        raise CallFailed(f"no connection within {CONNECT_SECONDS:g} s") from error
    raise error


def _head(target: Target, headers: Mapping[str, str], length: int) -> bytes:
    lines = [
        f"POST {target.path} HTTP/1.1",
        f"Host: {target.host_header}",
        "User-Agent: QHSE-webhooks/1",
        "Accept-Encoding: identity",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {length}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _answer(line: BoundedLine, deadline: Deadline, excerpt: int) -> Answer:
    response = _Response(line, method="POST")  # type: ignore[arg-type]
    response.begin()
    line.demand_whole_head()
    deadline.shorten(BODY_SECONDS)
    try:
        text = response.read(excerpt)
    except (BadAnswer, OSError, http.client.HTTPException, ValueError):
        text = b""  # its status has been read, which decides
    error = "" if 200 <= response.status <= 299 else f"answered {response.status}"
    if 300 <= response.status <= 399:
        error += "; redirects are not followed"
    shown = text.decode("utf-8", "replace").replace("\0", "\ufffd")
    return Answer(response.status, error, shown, response.headers.get("Retry-After", ""))


class _Response(http.client.HTTPResponse):
    """An answer behind whatever was said early, such as 103. The library passes over 100 alone."""

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 102 <= status <= 199:
                return version, status, reason
            http.client.parse_headers(self.fp)
