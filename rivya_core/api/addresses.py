"""Which addresses are public. A clip is fetched from those alone, since its address comes out of a server's answer.

IPv6 has forms that carry an IPv4 address (RFC 4291, 3056, 4380, 5214, 6052); the one inside decides with them. What is
not known to be public is private: outside 2000::/3 IANA has assigned no global unicast address.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_GLOBAL_UNICAST = ip_network("2000::/3")
_CLOSED_4 = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # carriers' own
        "192.0.0.0/24",  # protocol assignments, whole
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",  # benchmarks
        "240.0.0.0/4",
    )
)
_CLOSED_6 = tuple(
    ip_network(text)
    for text in (
        "2001::/23",  # protocol assignments with both kinds of ORCHID; Teredo is looked into before
        "2001:db8::/32",
        "3fff::/20",  # documentation
    )
)
_NAT64 = ip_network("64:ff9b::/96")
_TEREDO = ip_network("2001::/32")
_ISATAP = {0x00005EFE, 0x02005EFE}
_LOW_32 = 0xFFFF_FFFF

_FAKE = tuple(
    ip_network(text)
    for text in (
        "198.18.0.0/15",  # Clash, mihomo, Surge, sing-box
        "fc00::/18",  # sing-box
        "fdfe:dcba:9876::/64",  # mihomo
    )
)
_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+\.?", re.ASCII | re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII | re.IGNORECASE)
_OWN_NAMES = frozenset({"localhost", "localdomain", "local", "internal", "arpa"})
"""Last labels that name a place in one's own network (RFC 6761, 6762, 8375; ``internal`` reserved by ICANN)."""


def is_public(address: str) -> bool:
    """True for a global unicast address, also of every IPv4 address inside an IPv6 one; False for any with a zone."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return _is_public_4(parsed) if isinstance(parsed, IPv4Address) else _is_public_6(parsed)


def is_fake(address: str) -> bool:
    """True in the ranges out of which local proxies answer DNS, to find the name again when the connection comes."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in _FAKE)


def is_name_elsewhere(host: str) -> bool:
    """True for a name of several labels that somebody else can resolve: no address in any spelling, no own network."""
    if _NAME.fullmatch(host) is None:
        return False
    last = host.lower().rstrip(".").rpartition(".")[2]
    return _NUMBER.fullmatch(last) is None and last not in _OWN_NAMES


def is_loopback(host: str) -> bool:
    """True for this machine's own names and addresses."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _is_public_4(address: IPv4Address) -> bool:
    return address.is_global and not address.is_multicast and not any(address in network for network in _CLOSED_4)


def _is_public_6(address: IPv6Address) -> bool:
    if address.scope_id is not None:
        return False
    inside = _inside(address)
    if inside:
        return all(_is_public_4(one) for one in inside)
    return address in _GLOBAL_UNICAST and address.is_global and not any(address in network for network in _CLOSED_6)


def _inside(address: IPv6Address) -> list[IPv4Address]:
    """Return the IPv4 addresses that this one leads to; the deprecated forms that lead nowhere have none."""
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address.sixtofour is not None:
        return [address.sixtofour]
    if address in _TEREDO and address.teredo is not None:
        return list(address.teredo)
    carries_one = address in _NAT64 or (address in _GLOBAL_UNICAST and int(address) >> 32 & _LOW_32 in _ISATAP)
    return [IPv4Address(int(address) & _LOW_32)] if carries_one else []
