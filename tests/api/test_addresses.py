"""Which addresses a clip may come from: global ones, whatever form they are written in and whatever they carry inside."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given, strategies as st

from rivya_core.api.addresses import is_public, is_public_name

PRIVATE_4 = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
    "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
]  # fmt: skip
PRIVATE_6 = [
    "::/128", "::1/128", "::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001:1::/32", "2001:2::/48",
    "2001:10::/28", "2001:20::/28", "2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
]  # fmt: skip
CARRIERS = {
    "mapped": lambda inside: (0xFFFF << 32) | inside,
    "NAT64": lambda inside: (0x64FF9B << 96) | inside,
    "6to4": lambda inside: (0x2002 << 112) | (inside << 80) | 1,
    "Teredo client": lambda inside: (0x20010000 << 96) | (0x08080808 << 64) | (~inside & 0xFFFFFFFF),
    "Teredo server": lambda inside: (0x20010000 << 96) | (inside << 64) | (~0x08080808 & 0xFFFFFFFF),
    "ISATAP": lambda inside: (0x26064700 << 96) | (0x00005EFE << 32) | inside,
}


@given(st.data())
@pytest.mark.parametrize("network", [*PRIVATE_4, *PRIVATE_6])
def test_no_address_of_a_closed_range_is_public(network: str, data: st.DataObject) -> None:
    """Neither its ends nor anything between."""
    inside = ip_network(network)
    at = data.draw(st.integers(0, inside.num_addresses - 1))
    for address in (inside[0], inside[-1], inside[at]):
        assert not is_public(str(address))


@given(st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("form", CARRIERS)
def test_the_address_inside_decides(form: str, inside: int) -> None:
    """An IPv6 form that carries an IPv4 address is as public as that one."""
    carrying = IPv6Address(CARRIERS[form](inside))
    assert is_public(str(carrying)) is is_public(str(IPv4Address(inside)))


@given(st.integers(0, 2**128 - 1))
def test_only_global_unicast_is_public(value: int) -> None:
    """Beyond 2000::/3 nothing is, but for the forms that carry a public IPv4 address."""
    address = IPv6Address(value)
    carries = address.ipv4_mapped is not None or address in ip_network("64:ff9b::/96")
    assert carries or address in ip_network("2000::/3") or not is_public(str(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "1.1.1.1", "2606:4700::1111", "2a00:1450::1", "2400:cb00::"]
)
def test_ordinary_hosts_are_public(address: str) -> None:
    """And none with a zone is."""
    assert is_public(address)
    assert not is_public(f"{address}%eth0")
    assert ip_address(address)


@pytest.mark.parametrize(
    "host", ["media.example", "a.b-c.example", "cdn_1.example.com.", "xn--bcher-kva.example", "1.2.3.com"]
)
def test_a_name_of_several_labels_lies_elsewhere(host: str) -> None:
    """Others may resolve it."""
    assert is_public_name(host)
