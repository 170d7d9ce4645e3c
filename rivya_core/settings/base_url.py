"""Validate the base URL of the API. Parsed by httpx, which also sends the requests, so that both read it alike."""

from __future__ import annotations

import httpx

from rivya_core.api.errors import ConfigurationError, unusable_setting

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
_PORT_MAX = 65_535


def read_base_url(value: str) -> httpx.URL:
    """Return the parsed address.

    Raises:
        ConfigurationError: it is none that a request can be sent to; ``field`` is "base_url".
    """
    try:
        url = httpx.URL(value)
        host, port = url.host, url.port
    except (httpx.InvalidURL, ValueError, TypeError):  # ValueError: a host name that cannot be encoded
        raise _refused("must be an address such as https://rivya.ai, its port a number from 1 to 65535") from None
    if url.scheme not in {"http", "https"} or not host or "%" in host:
        raise _refused("must be an address such as https://rivya.ai")
    if port is not None and not 1 <= port <= _PORT_MAX:
        raise _refused(f"its port must be a number from 1 to {_PORT_MAX}")
    return url


def check_base_url(value: str) -> str:
    """Return the normalized base URL: without a trailing slash or API prefix; empty stays empty.

    Raises:
        ConfigurationError: the key must not be sent there; ``field`` is "base_url".
    """
    value = value.strip().rstrip("/")
    if not value:
        return ""
    url = read_base_url(value)
    if url.userinfo or url.query or url.fragment:
        raise _refused("must not hold a user name, a query or a fragment")
    if url.scheme == "http" and url.host not in LOOPBACK_HOSTS:
        raise _refused("plain http is allowed to this machine only; use https")
    return value.removesuffix("/api/v1")


def _refused(rule: str) -> ConfigurationError:
    return unusable_setting("base_url", rule)
