"""How this machine reaches others: through which proxy, trusting which certificates.

The one place that decides it, for both clients and the downloads, blocking and async. The system's variables are read when
a client is made; :meth:`Network.way_to` answers for one address, so a redirect is decided anew. This machine itself is
always reached directly and, over plain http, needs no certificates.
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
_CONTEXTS_KEPT = 8


@dataclass(frozen=True, slots=True)
class Way:
    """How one address is reached. ``tls`` is None for plain http."""

    proxy: Proxy | None
    tls: ssl.SSLContext | None


@dataclass(frozen=True, slots=True)
class Network:
    """The plan of this machine: its proxy if it has one, who is reached without it, and which certificates count."""

    proxy_variable: str = ""
    proxy_value: str = field(default="", repr=False)
    bypasses: tuple[Bypass, ...] = ()
    certificates: tuple[str, str] = ("", "")  # variable and path; empty for the certificates that come along
    key_log: tuple[str, str] = ("", "")

    def way_to(self, url: httpx.URL) -> Way:
        """Decide how an address is reached.

        Raises:
            ConfigurationError: a variable that counts for it cannot be used; the sentence names it, never its value.
        """
        proxy = self._proxy_for(url)
        return Way(proxy, _context(self.certificates, self.key_log) if url.scheme == "https" else None)

    def _proxy_for(self, url: httpx.URL) -> Proxy | None:
        host = url.raw_host.decode("ascii").lower().rstrip(".")
        if url.scheme != "https" or is_loopback(host) or not self.proxy_value:
            return None
        if self.proxy_variable == _SYSTEM and proxy_bypass(host):
            return None
        if any(entry.covers(host, url.port or _PORT) for entry in self.bypasses):
            return None
        return read_proxy(self.proxy_variable, self.proxy_value)


def check_way_to(base_url: str) -> None:
    """Say at once, and not only when the first request is due, that an address cannot be reached as things are set up.

    Raises:
        ConfigurationError: as in :meth:`Network.way_to`.
    """
    read_network().way_to(read_base_url(base_url))


def read_network() -> Network:
    """Read the system's variables as they stand now; nothing is judged before an address is asked about."""
    found = {name: (spelled, plain(value)) for name, (spelled, value) in network_variables().items()}
    proxies = [found[name] for name in ("https_proxy", "all_proxy") if found.get(name, ("", ""))[1]]
    if proxies:
        variable, value = proxies[0]
    else:
        variable, value = _SYSTEM, plain(getproxies().get("https", ""))  # macOS and Windows keep them elsewhere
    certificates = [found[name] for name in ("ssl_cert_file", "ssl_cert_dir") if found.get(name, ("", ""))[1]]
    return Network(
        proxy_variable=variable,
        proxy_value=value,
        bypasses=read_no_proxy(found.get("no_proxy", ("", ""))[1]),
        certificates=certificates[0] if certificates else ("", ""),
        key_log=found.get("sslkeylogfile", ("", "")),
    )


@lru_cache(_CONTEXTS_KEPT)
def _context(certificates: tuple[str, str], key_log: tuple[str, str]) -> ssl.SSLContext:
    """Load the certificates, once a process: it takes longer than a request, and their file may go while we run."""
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
    except (OSError, ValueError):  # an SSLError is an OSError
        raise _unusable(variable or "the bundled certificates") from None


def _is_there(variable: str, path: str) -> bool:
    try:
        if variable.lower() == "ssl_cert_file":
            return Path(path).is_file()
        return any(Path(one).is_dir() for one in path.split(os.pathsep))
    except (OSError, ValueError):
        return False


def _check_key_log(variable: str, path: str) -> None:
    """The TLS library opens this file for every connection, and fails without a word of what it is."""
    if not path:
        return
    try:
        Path(path).open("a").close()
    except (OSError, ValueError):
        raise _unusable(variable) from None


def unusable_key_log() -> ConfigurationError:
    """Build the refusal for libraries that open the file of ``SSLKEYLOGFILE`` when they are imported."""
    return _unusable("SSLKEYLOGFILE")


_RULES = {
    "ssl_cert_file": "must name a readable file with certificates in PEM form",
    "ssl_cert_dir": "must name a folder of certificates",
    "sslkeylogfile": "must name a file that can be written",
}


def _unusable(variable: str, seen: str = "") -> ConfigurationError:
    return ConfigurationError(
        "Secure connections cannot be made",
        f"{variable}: {_RULES.get(variable.lower(), 'cannot be read')}{seen}.",
        f"Correct {variable}, or unset it, and start again",
        field=variable.lower(),
    )
