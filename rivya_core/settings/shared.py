"""Check the settings of a shared installation: database, object store, time zone, people. Parsed without the libraries that use them.

A refused value is never repeated: a database URL may hold a password.
"""

from __future__ import annotations

import re
import zoneinfo
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

DATABASE_SCHEMES: Final = ("postgresql+psycopg", "postgresql")
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_ADDRESS: Final = re.compile(r"[^\s@,]+@[^\s@,]+|@[^\s@,]+")


def read_database_url(value: str) -> str:
    """Return the URL with the driver named, ``postgresql+psycopg://``; empty stays empty.

    Raises:
        ValueError: it is none of a PostgreSQL database.
    """
    value = value.strip()
    if not value:
        return ""
    parts = _split(value)
    if parts is None or parts.scheme not in DATABASE_SCHEMES:
        raise ValueError("must be an address such as postgresql+psycopg://user:password@host:5432/rivya")
    if not parts.path.strip("/"):
        raise ValueError("must name a database after the host, such as postgresql+psycopg://user@host/rivya")
    return "postgresql+psycopg" + value[len(parts.scheme) :]


def name_of_database(url: str) -> str:
    """Return what people may see of a database URL: host, port and name, without user, password and options."""
    parts = urlsplit(url)
    name = unquote(parts.path.strip("/"))
    if not parts.hostname:  # through a socket file
        return f"{name} on this machine"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{host}/{name}" if parts.port is None else f"{host}:{parts.port}/{name}"


def read_archive_url(value: str) -> str:
    """Return ``s3://bucket`` or ``s3://bucket/prefix``, without a slash at the end; empty stays empty.

    Raises:
        ValueError: it is none of a bucket.
    """
    value = value.strip().rstrip("/")
    if not value:
        return ""
    parts = _split(value)
    if parts is None or parts.scheme != "s3" or parts.query or parts.fragment:
        raise ValueError("must be an address such as s3://bucket/prefix")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a key: set the store's usual variables, such as AWS_ACCESS_KEY_ID")
    if not _BUCKET.fullmatch(parts.netloc):
        raise ValueError("must name a bucket: 3 to 63 small letters, digits, dots and dashes")
    prefix = parts.path.strip("/")
    if prefix and not _PREFIX.fullmatch(prefix):
        raise ValueError("its prefix must be letters, digits, dots, dashes and underscores, with / between folders")
    return f"s3://{parts.netloc}/{prefix}".rstrip("/")


def read_time_zone(value: str) -> str:
    """Return the name of a time zone that this machine knows; empty stays empty. Raises ValueError for another name."""
    value = value.strip()
    if not value:
        return ""
    try:
        zoneinfo.ZoneInfo(value)
    except (KeyError, ValueError, OSError):  # not found is a KeyError; a folder of zones, an OSError
        raise ValueError("must be the name of a time zone, such as Europe/Berlin or Asia/Dhaka") from None
    return value


def read_people(value: str) -> str:
    """Return e-mail addresses and ``@domain`` patterns in small letters, separated by commas, each once.

    Raises:
        ValueError: one of them is neither.
    """
    people = sorted({one for part in value.split(",") if (one := part.strip().lower())})
    if not all(_ADDRESS.fullmatch(one) for one in people):
        raise ValueError(
            "must be e-mail addresses or @domain, separated by commas, such as ann@lab.example, @lab.example"
        )
    return ", ".join(people)


def is_of_this_machine(address: str) -> bool:
    """Tell whether a URL leads to a server on this machine."""
    parts = _split(address)
    host = "" if parts is None else parts.hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")


def _split(value: str) -> SplitResult | None:
    try:
        parts = urlsplit(value)
        _ = parts.port  # raises for a port that is no number
    except ValueError:
        return None
    return parts
