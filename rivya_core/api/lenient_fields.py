"""Field types for answers: they accept every plausible form of a value, and read anything else as absent.

An answer that was paid for must never be lost to one strange field. What the forms of a field are is not documented in detail.
"""

from __future__ import annotations

import math
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

_INTEGER_MAX: Final = 2**53 - 1
"""The largest integer that every JSON parser keeps exact (RFC 8259, section 6)."""


def _whole_number(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return round(number) if math.isfinite(number) and abs(number) <= _INTEGER_MAX else None


def _wallet(value: object) -> int | None:
    """Return a balance. A debt too large to store stays a debt: an unknown balance would stop no submission."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    with suppress(ValueError):
        if (float(value) if isinstance(value, str) else value) < -_INTEGER_MAX:
            return -_INTEGER_MAX
    return _whole_number(value)


def _amount(value: object) -> int | None:
    """Return a count of credits or bytes. A negative one is unknown, so that no answer can raise what a cap allows."""
    number = _whole_number(value)
    return number if number is not None and number >= 0 else None


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def mapping(value: object) -> dict[str, Any] | None:
    """Return an object, or None for anything else."""
    return value if isinstance(value, dict) else None


def _address(value: object) -> str | None:
    """Return an address without surrounding blanks, also when it is the ``url`` of an object."""
    if isinstance(value, dict):
        value = value.get("url")
    return value.strip() or None if isinstance(value, str) else None


def _addresses(value: object) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [address for item in items if (address := _address(item)) is not None]


def task_result(value: object) -> object:
    """Return the ``result`` of a task as an object, also when the server sent only an address or a list of addresses."""
    if isinstance(value, (str, list)):
        return {"urls": value}
    if isinstance(value, dict) and _address(value) and not _address(value.get("primary_url")):
        return {**value, "primary_url": value}
    return mapping(value)


Amount = Annotated[int | None, BeforeValidator(_amount)]
"""A count of credits or bytes, zero or more."""
WalletCredits = Annotated[int, BeforeValidator(_wallet)]
"""A balance in credits, which may be negative."""
Text = Annotated[str | None, BeforeValidator(_text)]
RequiredText = Annotated[str, BeforeValidator(_text)]
Moment = Annotated[datetime | None, BeforeValidator(_moment)]
"""A time with its zone; one without a zone is unknown."""
Seconds = Annotated[float | None, BeforeValidator(_seconds)]
Address = Annotated[str | None, BeforeValidator(_address)]
Addresses = Annotated[list[str], BeforeValidator(_addresses)]
