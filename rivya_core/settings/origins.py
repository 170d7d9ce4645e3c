"""Web origins: which page a request came from, and how such an origin is written in a setting.

An origin is a scheme, a host and a port. Only the form that browsers send is accepted, so that comparing is unambiguous.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address
from typing import Final

import httpx

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_PORT_MAX: Final = 65_535
_AUTHORITY: Final = re.compile(
    r"([\w-]+(?:\.[\w-]+)*|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Origin:
    """A scheme (``http`` or ``https``), a host in lower case (IPv6 in brackets) and a port."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"


def read_origin(text: str) -> Origin | None:
    """Read the value of an ``Origin`` header; None when it is ``null``, empty, or not a scheme, host and port alone."""
    scheme, mark, authority = text.partition("://")
    return at_host(authority, scheme.lower()) if mark else None


def at_host(host: str, scheme: str) -> Origin | None:
    """The origin of a scheme at the value of a ``Host`` header; None when either is not usable."""
    if scheme not in _DEFAULT_PORTS:
        return None
    found = _AUTHORITY.fullmatch(host)
    if found is None:
        return None
    name, port = found[1].lower(), int(found[2] or _DEFAULT_PORTS[scheme])
    if name.startswith("["):
        try:
            name = f"[{IPv6Address(name[1:-1])}]"
        except AddressValueError:
            return None
    return Origin(scheme, name, port) if port <= _PORT_MAX else None


def read_origins(text: str) -> frozenset[Origin]:
    """Read a setting: origins separated by commas, as browsers write them or as people do (capitals, own scripts, a last slash).

    Raises:
        ValueError: a part is no origin; the sentence tells the rule.
    """
    return frozenset(_typed(part) for part in map(str.strip, text.split(",")) if part)


def _typed(text: str) -> Origin:
    scheme, _, authority = text.removesuffix("/").partition("://")
    try:
        found = None if set("/\\?#@") & set(authority) else read_origin(_encoded(f"{scheme}://{authority}"))
    except (httpx.InvalidURL, ValueError, TypeError):  # ValueError: a host name that cannot be encoded
        found = None
    if found is None:
        raise ValueError(
            "must be whole origins separated by commas, such as https://lab.example or http://10.0.0.5:8501, without a path, "
            "a user name or a star"
        )
    return found


def _encoded(address: str) -> str:
    """Write a host name of any script as browsers send it."""
    if address.isascii():
        return address
    url = httpx.URL(address)
    return f"{url.scheme}://{url.netloc.decode()}"
