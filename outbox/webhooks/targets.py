"""What the address of an endpoint may be. Pure: names are resolved when a call is made, and judged then."""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from outbox.webhooks.addresses import Network, may_be_called

MAX_URL = 2_000
_VISIBLE = re.compile(r"[\x21-\x7e]+", re.ASCII)
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*", re.ASCII)
# The last label of a name is no number: `127.1`, `2130706433` and `0x7f.1` are addresses to a resolver.
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.ASCII)
PORTS = {"https": 443, "http": 80}


class UrlRefused(ValueError):
    """The address cannot be that of an endpoint. The message says what to change, and does not repeat the address."""


class Target(NamedTuple):
    """Where a call goes. `host` is what TLS and the Host header name, `path` has the query with it."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == PORTS[self.scheme] else f"{name}:{self.port}"


def target_of(url: str, *, strict: bool, allowed: Collection[Network]) -> Target:
    """
    Return the target of an address. `strict` is the rule of production: https, port 443.

    Raises UrlRefused, also for an address of numbers that webhooks may not go to.
    """
    if len(url) > MAX_URL:
        raise UrlRefused(f"The address has more than {MAX_URL:,} characters.")
    if not _VISIBLE.fullmatch(url) or "\\" in url:
        raise UrlRefused("The address must be of visible ASCII characters; write other letters as %C3%A9 or xn--….")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower().removesuffix("."), parts.port
    except ValueError:
        raise UrlRefused("The address must be one such as https://example.com/hooks/quality.") from None
    schemes = ("https",) if strict else ("https", "http")
    if parts.scheme not in schemes:
        raise UrlRefused(f"The address must begin with {' or '.join(f'{each}://' for each in schemes)}.")
    if "@" in parts.netloc:
        raise UrlRefused("The address must have no user name or password; the signature says who calls.")
    if "#" in url:
        raise UrlRefused("The address must have no fragment (#…): a server never sees it.")
    _check_host(host, allowed)
    port = PORTS[parts.scheme] if port is None else port
    if port == 0 or (strict and port != PORTS["https"]):
        raise UrlRefused("The port must be 443, which needs not be written." if strict else "There is no port 0.")
    return Target(parts.scheme, host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def _check_host(host: str, allowed: Collection[Network]) -> None:
    if ":" in host or _NUMBER.fullmatch(host):
        try:
            address = ip_address(host)
        except ValueError:
            raise UrlRefused("The host must be a name, or an address in its usual form, such as 192.0.2.7.") from None
        if not may_be_called(address, allowed):
            raise UrlRefused("The host is an address that is not on the public internet.")
    elif not _NAME.fullmatch(host) or len(host) > 253:
        raise UrlRefused("The host must be a name such as example.com.")


def masked(url: str) -> str:
    """Return an address as the trail and the log have it. Receivers that know no signatures want keys in the query."""
    address, mark, _ = url.partition("?")
    return f"{address}?…" if mark else address
