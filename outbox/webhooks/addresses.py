"""
Which addresses webhooks may go to. Pure.

Everything that is not the public internet is refused, unless the operator allows its network: who may name an endpoint
must not be able to reach what only this machine can reach. `ip_address.is_global` is not enough: Python calls
multicast and several forms of an embedded IPv4 address global, and newer versions decide otherwise than older ones.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# IANA's special-purpose registry, multicast, and what is reserved.
_INNER_V4 = tuple(map(IPv4Network, (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/4", "240.0.0.0/4",
    "168.63.129.16/32",  # public by its number, and yet what a cloud tells its machines
)))  # fmt: skip
# Only this part of IPv6 is given out to the public internet …
_OUTER_V6 = IPv6Network("2000::/3")
# … and of it not these: protocols with addresses of others in them (Teredo among them), documentation, tests.
_INNER_V6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "3fff::/20", "3ffe::/16")))

# Where an IPv4 address stands in an IPv6 one: the network, and by how many bits it is shifted.
_EMBEDDINGS = (
    (IPv6Network("::ffff:0:0/96"), 0),  # mapped
    (IPv6Network("::ffff:0:0:0/96"), 0),  # translated
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (IPv6Network("::/96"), 0),  # compatible; `::` and `::1` with it, as 0.0.0.0 and 0.0.0.1
    (IPv6Network("2002::/16"), 80),  # 6to4
)
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})


def address_of(text: str) -> Address:
    """Return the address of a resolver's text, without its zone. Raises ValueError."""
    return ip_address(text.partition("%")[0])


def may_be_called(address: Address, allowed: Collection[Network]) -> bool:
    """Answer whether a webhook may go to this address: a public one, or one of an `allowed` network."""
    inner = embedded(address)
    if any(each in network for each in (address, inner) for network in allowed if each.version == network.version):
        return True
    if isinstance(inner, IPv4Address):
        return not any(inner in network for network in _INNER_V4)
    return inner in _OUTER_V6 and not any(inner in network for network in _INNER_V6)


def embedded(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one leads to, or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    number = int(address)
    for network, shift in _EMBEDDINGS:
        if address in network:
            return IPv4Address(number >> shift & 0xFFFFFFFF)
    if number >> 32 & 0xFFFFFFFF in _ISATAP:
        return IPv4Address(number & 0xFFFFFFFF)
    return address
