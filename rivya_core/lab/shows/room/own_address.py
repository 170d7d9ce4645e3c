"""The address at which others in the network reach this machine."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address
from typing import Final

from rivya_core.api.errors import LabError

_OUTSIDE: Final = ("192.0.2.1", 9)
"""A documentation address (RFC 5737). Connecting a UDP socket to it selects the outgoing interface and sends nothing."""


def own_address() -> str:
    """The IPv4 address of the interface that this machine goes out by.

    Raises:
        LabError: there is none, or it is one that only this machine reaches.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_OUTSIDE)
            address = IPv4Address(probe.getsockname()[0])
        except OSError as error:
            raise _no_network() from error
    if address.is_loopback or address.is_unspecified:
        raise _no_network()
    return str(address)


def _no_network() -> LabError:
    return LabError(
        "This machine is in no network",
        "No address was found at which others could reach it.",
        "Connect to the network that the others are in, or name this machine's address there in RIVYA_SHARE_ADDRESS. "
        "Without a network, hand the show over as a file.",
        field="address",
    )
