"""Parse proxy settings in every form that desktops, shells and container files use. Pure.

Errors name the variable and the rule, never the value, which may contain a password.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import unquote_to_bytes

from rivya_core.api.errors import ConfigurationError

_PORT_MAX = 65_535
_DIGITS_MAX = 9
_PORTS = {"http": 80, "https": 443}
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):/{1,3}(?=[^/])", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?", re.ASCII | re.IGNORECASE)
_CUT = re.compile(r"[/?#]")


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy. variable: where it was set. authorization: value of ``Proxy-Authorization``, sent only to the proxy."""

    variable: str
    scheme: str
    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The URL of the proxy, without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        """Headers for the proxy only."""
        return {"Proxy-Authorization": self.authorization} if self.authorization else {}


@dataclass(frozen=True, slots=True)
class Bypass:
    """One entry of ``NO_PROXY``: a network, or a name with its subdomains. port: None for all ports."""

    name: str = ""
    network: IPv4Network | IPv6Network | None = None
    port: int | None = None

    def covers(self, host: str, port: int) -> bool:
        """Return whether this host and port are reached without the proxy."""
        if self.port not in {None, port}:
            return False
        if self.network is None:
            return self.name in {"*", host} or host.endswith(f".{self.name}")
        try:
            return ip_address(host) in self.network
        except ValueError:
            return False


def plain(value: str) -> str:
    """Strip the blanks and quotes that ``.env`` files leave around a value."""
    value = value.strip()
    while len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        value = value[1:-1].strip()
    return value


def read_proxy(variable: str, value: str) -> Proxy:
    """Parse the value of a proxy variable; without a scheme it is an HTTP proxy.

    Raises:
        ConfigurationError: the value is not a usable proxy.
    """
    scheme_match = _SCHEME.match(value)
    scheme = scheme_match[1].lower() if scheme_match else "http"
    rest = value[scheme_match.end() :] if scheme_match else value.lstrip("/")
    if scheme.startswith("socks"):
        raise _unusable(variable, "names a SOCKS proxy, and only HTTP proxies are supported")
    if scheme not in _PORTS:
        raise _unusable(variable, "must be an address such as http://proxy.example:8080")
    userinfo, _, place = rest.rpartition("@")  # passwords may contain "@" and "/" unquoted
    host, port = _host_and_port(variable, _CUT.split(place, maxsplit=1)[0], _PORTS[scheme])
    return Proxy(variable, scheme, host, port, _basic(variable, userinfo) if userinfo else None)


def _host_and_port(variable: str, place: str, default: int) -> tuple[str, int]:
    if place.startswith("["):
        host, closing, behind = place[1:].partition("]")
        if not closing or not _is_ipv6(host) or (behind and not behind.startswith(":")):
            raise _unusable(variable, "holds no IPv6 address between its brackets")
        colon, port = behind[:1], behind[1:]
    elif place.count(":") > 1:
        raise _unusable(
            variable, "holds more than one colon; an IPv6 address stands in brackets, such as http://[::1]:8080"
        )
    else:
        host, colon, port = place.partition(":")
        host = _ascii(host)
        if _HOST.fullmatch(host) is None:
            raise _unusable(variable, "must be an address such as http://proxy.example:8080")
    if not colon:
        return host, default
    if not (port.isascii() and port.isdigit()) or len(port) > _DIGITS_MAX or not 1 <= int(port) <= _PORT_MAX:
        raise _unusable(variable, f"its port must be a number from 1 to {_PORT_MAX}")
    return host, int(port)


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:  # a label that is empty or longer than 63 characters
        return ""


def _is_ipv6(text: str) -> bool:
    try:
        return IPv6Address(text).scope_id is None
    except ValueError:
        return False


def _basic(variable: str, userinfo: str) -> str:
    try:
        user, _, password = userinfo.partition(":")
        both = b":".join((unquote_to_bytes(user), unquote_to_bytes(password)))
    except UnicodeError:
        raise _unusable(variable, "holds a user name or password that is no text") from None
    return f"Basic {base64.b64encode(both).decode()}"


def read_no_proxy(value: str) -> tuple[Bypass, ...]:
    """Parse ``NO_PROXY``, separated by commas, semicolons or blanks; invalid entries are ignored."""
    entries = (_bypass(entry.lower()) for entry in re.split(r"[\s,;]+", value))
    return tuple(entry for entry in entries if entry is not None)


def _bypass(entry: str) -> Bypass | None:
    entry = plain(entry)
    scheme_match = _SCHEME.match(entry)
    entry = entry[scheme_match.end() :] if scheme_match else entry
    if network := _network(entry):
        return Bypass(network=network)
    entry = entry.partition("/")[0]
    if entry.startswith("["):
        host, _, port = entry[1:].partition("]")
        port = port.removeprefix(":")
    else:
        host, _, port = entry.partition(":")
    if port and not (port.isascii() and port.isdigit() and len(port) <= _DIGITS_MAX):
        return None
    port_number = int(port) if port else None
    if network := _network(host):
        return Bypass(network=network, port=port_number)
    name = host.removeprefix("*").strip(".") or ("*" if host.startswith("*") else "")
    return Bypass(name=_ascii(name) if name != "*" else name, port=port_number) if name else None


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _unusable(variable: str, rule: str) -> ConfigurationError:
    return ConfigurationError(
        "The proxy cannot be used",
        f"{variable}: {rule}.",
        f"Change {variable} to the HTTP port of your proxy (http://host:port), or unset it, and start again",
        field=variable.lower(),
    )
