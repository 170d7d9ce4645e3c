"""Ids of intents and generations. A generation id is also its Idempotency-Key and the name of its files."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from typing import Final

from rivya_core.api.errors import LabError

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: sorts like the number, nothing looks alike
STAMP_DIGITS: Final = 10  # 50 bits of milliseconds
RANDOM_DIGITS: Final = 10
ADOPTED_INTENT: Final = "adopted-"
"""Prefix of the intent ids of adopted tasks; the rest is derived from the task id, so that a task has one row."""
INTENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,47}")


def new_intent_id(now: datetime | None = None) -> str:
    """Mint an intent id: "g" and 20 digits that sort by time of minting, to the millisecond."""
    stamp = int((now or datetime.now(UTC)).timestamp() * 1000)
    return "g" + _digits(stamp, STAMP_DIGITS) + _digits(secrets.randbits(5 * RANDOM_DIGITS), RANDOM_DIGITS)


def generation_id(intent_id: str, take: int) -> str:
    """Return the id of one take of an intent.

    Raises:
        LabError: the intent id could not stand in a header and a file name, or the take is not 1 to 999.
    """
    if not INTENT.fullmatch(intent_id):
        raise LabError(
            "The intent id is not usable",
            "intent_id must be 1 to 48 letters, digits, '-' or '_', and begin with a letter or digit.",
            "Leave it out to have one made.",
            field="intent_id",
        )
    if not 1 <= take <= 999:  # noqa: PLR2004 - three digits keep the id within 52 characters
        raise LabError("The take is out of range", f"take must be 1 to 999, not {take}.", field="take")
    return f"{intent_id}-{take}"


def searchable(id_: object) -> str:
    """Return an id that is safe to query: the id itself, or "", which no row has, for one that is not ASCII.

    The SQLite driver raises an error for some non-ASCII text (lone surrogates) instead of finding nothing.
    """
    return id_ if isinstance(id_, str) and id_.isascii() else ""


def _digits(number: int, length: int) -> str:
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits
