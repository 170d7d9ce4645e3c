"""The network route to a host: through which proxy, trusting which certificates.

Decided only here, for API calls and downloads, blocking and async. The environment is read when a client is made;
:meth:`Network.route_to` decides for one URL, so that each redirect gets its own route. This machine is always reached directly.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from urllib.request import getproxies, proxy_bypass

import httpx

from rivya_core.api.addresses import is_loopback
from rivya_core.api.errors import ConfigurationError
from rivya_core.api.proxies import Bypass, Proxy, plain, read_no_proxy, read_proxy
from rivya_core.settings import network_variables
from rivya_core.settings.base_url import read_base_url

_SYSTEM = "the system's proxy settings"
_PORT = 443
_CONTEXTS_MAX = 8


@dataclass(frozen=True, slots=True)
class NetworkRoute:
    """How a URL is reached. proxy: None for a direct connection. tls: None for plain http."""

    proxy: Proxy | None
    tls: ssl.SSLContext | None


@dataclass(frozen=True, slots=True)
class Network:
    """The network settings of this machine: proxy, exceptions from it, certificates, TLS key log."""

    proxy_variable: str = ""
    proxy_value: str = field(default="", repr=False)
    bypasses: tuple[Bypass, ...] = ()
    certificates: tuple[str, str] = ("", "")  # variable and path; empty for the bundled certificates
    key_log: tuple[str, str] = ("", "")

    def route_to(self, url: httpx.URL) -> NetworkRoute:
        """Return the route to a URL.

        Raises:
            ConfigurationError: a variable that applies to it is unusable; the sentence names the variable, never its value.
        """
        proxy = self._proxy_for(url)
        return NetworkRoute(proxy, _context(self.certificates, self.key_log) if url.scheme == "https" else None)

    def _proxy_for(self, url: httpx.URL) -> Proxy | None:
        host = url.raw_host.decode("ascii").lower().rstrip(".")
        if url.scheme != "https" or is_loopback(host) or not self.proxy_value:
            return None
        if self.proxy_variable == _SYSTEM and proxy_bypass(host):
            return None
        if any(entry.covers(host, url.port or _PORT) for entry in self.bypasses):
            return None
        return read_proxy(self.proxy_variable, self.proxy_value)


def check_route_to(base_url: str) -> None:
    """Raise now, and not only at the first request, when the settings allow no route to a URL.

    Raises:
        ConfigurationError: as in :meth:`Network.route_to`.
    """
    read_network().route_to(read_base_url(base_url))


def read_network() -> Network:
    """Read the network settings from the environment and the system; they are checked when a route is requested."""
    variables = {name: (spelled, plain(value)) for name, (spelled, value) in network_variables().items()}
    proxies = [variables[name] for name in ("https_proxy", "all_proxy") if variables.get(name, ("", ""))[1]]
    if proxies:
        variable, value = proxies[0]
    else:
        # getproxies reads the system preferences on macOS and the registry on Windows
        variable, value = _SYSTEM, plain(getproxies().get("https", ""))
    certificates = [variables[name] for name in ("ssl_cert_file", "ssl_cert_dir") if variables.get(name, ("", ""))[1]]
    return Network(
        proxy_variable=variable,
        proxy_value=value,
        bypasses=read_no_proxy(variables.get("no_proxy", ("", ""))[1]),
        certificates=certificates[0] if certificates else ("", ""),
        key_log=variables.get("sslkeylogfile", ("", "")),
    )


@lru_cache(_CONTEXTS_MAX)
def _context(certificates: tuple[str, str], key_log: tuple[str, str]) -> ssl.SSLContext:
    """Load the certificates once per process: that is slower than a request, and the file may be deleted while we run."""
    _check_key_log(*key_log)
    variable, path = certificates
    if variable and not _is_there(variable, path):
        raise _unusable(variable, f", and {path} is not there")
    try:
        if not variable:
            return httpx.create_ssl_context(trust_env=False)
        if variable.lower() == "ssl_cert_file":
            return ssl.create_default_context(cafile=path)
        return ssl.create_default_context(capath=path)
    except (OSError, ValueError):  # SSLError is an OSError
        raise _unusable(variable or "the bundled certificates") from None


def _is_there(variable: str, path: str) -> bool:
    try:
        if variable.lower() == "ssl_cert_file":
            return Path(path).is_file()
        return any(Path(one).is_dir() for one in path.split(os.pathsep))
    except (OSError, ValueError):
        return False


def _check_key_log(variable: str, path: str) -> None:
    """Check that the key log can be written: OpenSSL opens it for every connection, and its error does not name the file."""
    if not path:
        return
    try:
        Path(path).open("a").close()
    except (OSError, ValueError):
        raise _unusable(variable) from None


def unusable_key_log() -> ConfigurationError:
    """Build the error of an unusable ``SSLKEYLOGFILE``, which some libraries open when they are imported."""
    return _unusable("SSLKEYLOGFILE")


_RULES = {
    "ssl_cert_file": "must name a readable file with certificates in PEM form",
    "ssl_cert_dir": "must name a folder of certificates",
    "sslkeylogfile": "must name a file that can be written",
}


def _unusable(variable: str, value: str = "") -> ConfigurationError:
    return ConfigurationError(
        "Secure connections cannot be made",
        f"{variable}: {_RULES.get(variable.lower(), 'cannot be read')}{value}.",
        f"Correct {variable}, or unset it, and start again",
        field=variable.lower(),
    )
