"""Which address a request came from. Of proxies before us, only a trusted one is believed."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

Network = IPv4Network | IPv6Network

# What only a proxy may say. Without these, Django and everything below it sees the connection as it is.
_WORDS_OF_PROXIES = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_FORWARDED")
_IPV6_CUSTOMER_PREFIX = 64  # bits; a customer has at least this network, and so 2**64 addresses, alone


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """
    Return the address of the client. Nothing when there is none: a Unix socket.

    Each proxy appends the address that it saw to X-Forwarded-For. So the chain is read from its end, as long as the
    speaker is trusted. What the client itself wrote stands further in front.
    """
    hop = _address(peer)
    if hop is None:
        return ""
    for word in reversed(forwarded_for.split(",")):
        if not _is_among(hop, trusted):
            break
        further = _address(word.strip())
        if further is None:
            break
        hop = further
    return str(hop)


def forget_untrusted_words(meta: dict[str, Any], trusted: Sequence[Network]) -> None:
    """Take from a WSGI environment the headers that only a proxy may set, unless a trusted one sent it."""
    peer = _address(meta.get("REMOTE_ADDR", ""))
    if peer is None or not _is_among(peer, trusted):
        for name in _WORDS_OF_PROXIES:
            meta.pop(name, None)


def counted_address(address: str) -> str:
    """Return what attempts are counted by: an IPv4 address, or the network of one IPv6 customer."""
    parsed = _address(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, _IPV6_CUSTOMER_PREFIX), strict=False))
    return "" if parsed is None else str(parsed)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_among(address: IPv4Address | IPv6Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
