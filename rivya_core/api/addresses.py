"""Decide which addresses are public. Clips are fetched only from public ones, since their URLs come from a server's answer (SSRF).

Some IPv6 addresses embed an IPv4 address (RFC 4291, 3056, 4380, 5214, 6052); the embedded one must be public too. Addresses
that are not known to be public are treated as private: IANA has assigned global unicast addresses in 2000::/3 only.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_GLOBAL_UNICAST = ip_network("2000::/3")
_CLOSED_4 = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT, RFC 6598
        "192.0.0.0/24",  # IETF protocol assignments, RFC 6890
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "198.18.0.0/15",  # benchmarking, RFC 2544
        "240.0.0.0/4",
    )
)
_CLOSED_6 = tuple(
    ip_network(text)
    for text in (
        "2001::/23",  # IETF protocol assignments, RFC 2928, ORCHID included; Teredo is handled before
        "2001:db8::/32",  # documentation, RFC 3849
        "3fff::/20",  # documentation, RFC 9637
    )
)
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052
_TEREDO = ip_network("2001::/32")  # RFC 4380
_ISATAP = {0x00005EFE, 0x02005EFE}  # RFC 5214: the third quarter of the address
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
"""Top-level labels of local networks (RFC 6761, 6762, 8375; ``internal`` is reserved by ICANN)."""


def is_public(address: str) -> bool:
    """Return whether this is a global unicast address, embedded IPv4 addresses included; False for anything else, and with a zone."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return _is_public_4(parsed) if isinstance(parsed, IPv4Address) else _is_public_6(parsed)


def is_fake_ip(address: str) -> bool:
    """Return whether an address is in a range from which local proxies make up DNS answers (fake-IP mode)."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in _FAKE)


def is_public_name(host: str) -> bool:
    """Return whether this is a host name of at least two labels outside local networks; False for IP addresses in any notation."""
    if _NAME.fullmatch(host) is None:
        return False
    last = host.lower().rstrip(".").rpartition(".")[2]
    return _NUMBER.fullmatch(last) is None and last not in _OWN_NAMES


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine: ``localhost``, names below it (RFC 6761, section 6.3), loopback addresses."""
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
    embedded = _embedded(address)
    if embedded:
        return all(_is_public_4(one) for one in embedded)
    return address in _GLOBAL_UNICAST and address.is_global and not any(address in network for network in _CLOSED_6)


def _embedded(address: IPv6Address) -> list[IPv4Address]:
    """Return the IPv4 addresses that are embedded in this one; none for deprecated forms that are not routed."""
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address.sixtofour is not None:
        return [address.sixtofour]
    if address in _TEREDO and address.teredo is not None:
        return list(address.teredo)
    carries_one = address in _NAT64 or (address in _GLOBAL_UNICAST and int(address) >> 32 & _LOW_32 in _ISATAP)
    return [IPv4Address(int(address) & _LOW_32)] if carries_one else []
