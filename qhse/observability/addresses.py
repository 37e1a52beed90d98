"""Which address a request came from. Of proxies before us, only a trusted one is believed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, Final, Literal

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

UNIX: Final = "unix"
"""A peer without an address: it came by a Unix socket. Among trusted peers it means all who may open that socket."""

Peer = Network | Literal["unix"]
_Hop = Address | Literal["unix"] | None

# What only a proxy may say. Without these, Django and everything below it sees the connection as it is.
# A stranger's trace id would be one more thing: it decides what is recorded.
_WORDS_OF_PROXIES = (
    "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_FORWARDED", "HTTP_TRACEPARENT",
)  # fmt: skip
_IPV6_CUSTOMER_PREFIX = 64  # bits; a customer has at least this network, and so 2**64 addresses, alone
_NAT64 = IPv6Network("64:ff9b::/96")  # all of IPv4 in one /64: it must not be counted as one customer (RFC 6052)
_PORT = re.compile(r"\[([^\]]*)\](?::[0-9]+)?|(.+):[0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Client:
    """
    `address` is for records: the farthest that somebody believable has named. `counted` is for limits.

    They differ where the client is not known, because a trusted proxy names nobody. The record then has the proxy, and
    `counted` is empty: as one address, all who come by that proxy would share one limit.
    """

    address: str = ""
    counted: str = ""


def client_of(peer: str, forwarded_for: str, trusted: Sequence[Peer]) -> Client:
    """
    Find the client behind a connection's peer, an empty one for a Unix socket, and its X-Forwarded-For.

    Each proxy appends the address that it saw. So the chain is read from its end, as long as the speaker is trusted.
    What the client itself wrote stands further in front.
    """
    hop = _peer(peer)
    named = _recorded(hop)
    for word in _from_the_end(forwarded_for):
        if not _is_among(hop, trusted):
            break
        hop = _hop(word)  # None: `unknown`, or rubbish
        named = _recorded(hop) or named
    # Whoever may speak for others is a proxy, and not the client that its word was asked for.
    known = isinstance(hop, Address) and not _is_among(hop, trusted)
    return Client(address=named, counted=counted_address(named) if known else "")


def forget_untrusted_words(meta: dict[str, Any], trusted: Sequence[Peer]) -> None:
    """Take from a WSGI environment the headers that only a proxy may set, unless a trusted one sent it."""
    if not _is_among(_peer(meta.get("REMOTE_ADDR", "")), trusted):
        for name in _WORDS_OF_PROXIES:
            meta.pop(name, None)


def counted_address(address: str) -> str:
    """Return what attempts are counted by: an IPv4 address, or the network of one IPv6 customer."""
    parsed = _address(address)
    if isinstance(parsed, IPv6Address):
        if parsed in _NAT64:
            return str(IPv4Address(parsed.packed[-4:]))
        return str(IPv6Network((parsed, _IPV6_CUSTOMER_PREFIX), strict=False))
    return "" if parsed is None else str(parsed)


def _from_the_end(forwarded_for: str) -> Iterable[str]:
    """Yield the elements, last one first. Empty ones do not count (RFC 9110, 5.6.1.2)."""
    return (word for each in reversed(forwarded_for.split(",")) if (word := each.strip(' \t"')))


@lru_cache(1_000)  # asked twice for each request; the network names it, and no client
def _peer(text: str) -> _Hop:
    return _address(text) if text else UNIX


def _hop(word: str) -> _Hop:
    """Read an address as proxies write it: alone, with a port, in brackets, in quotes. None when it is none."""
    if word in ("unix", "unix:"):  # nginx, of a peer by a Unix socket
        return UNIX
    address = _address(word)
    if address is None and (parts := _PORT.fullmatch(word)):
        address = _address(parts[1] or parts[2] or "")
    return address


def _address(text: str) -> Address | None:
    try:
        # Without its zone, which names a cable of the machine that wrote it.
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return None if address.is_unspecified else mapped or address


def _recorded(hop: _Hop) -> str:
    return str(hop) if isinstance(hop, Address) else ""


def _is_among(hop: _Hop, trusted: Sequence[Peer]) -> bool:
    if isinstance(hop, Address):
        return any(hop in network for network in trusted if network != UNIX)
    return hop == UNIX and UNIX in trusted
