"""Rules about texts: whether one is visible, whether it can be a name, which texts count as equal.

They only compare and refuse: what is stored, counted and sent is always the text as it was typed.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

_DRAWN_FORMATS: Final = re.compile("[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd]")
"""Visible format characters (Unicode property Prepended_Concatenation_Mark)."""

_UNDRAWN: Final = re.compile(
    "["
    "\u2800\U00013441\U00013442"  # blanks in categories of letters and symbols: Braille, hieroglyphs
    "\u034f\u115f\u1160\u17b4\u17b5\u2065\u3164\uffa0\U00016fe4\U0001d159"  # joiners, fillers, null notehead
    "\u180b-\u180f\ufe00-\ufe0f\U000e0000-\U000e0fff"  # variation selectors, tags, and code points reserved for such
    "\ufff0-\ufff8\ufdd0-\ufdef"  # reserved format characters, noncharacters
    "]"
)
_UNDRAWN_KINDS: Final = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})
_CONTROLS: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNING: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Directional embeddings, overrides and isolates (Unicode property Bidi_Control without the marks, which reorder nothing)."""

_HIDDEN: Final = re.compile("[\u00ad\u200b\u2060-\u2064\ufeff]")
"""Invisible characters without function in a name: with one, two different names would look equal."""

_NO_CHARACTER: Final = 0xFFFE  # the last two code points of every plane are noncharacters


def shows_nothing(text: str) -> bool:
    """Return whether a text is invisible: only blanks, controls, fillers, joiners and the like."""
    return all(_is_undrawn(character) for character in text)


def _is_undrawn(character: str) -> bool:
    if unicodedata.category(character) in _UNDRAWN_KINDS:
        return not _DRAWN_FORMATS.match(character)
    return bool(_UNDRAWN.match(character)) or ord(character) & _NO_CHARACTER == _NO_CHARACTER


def cannot_be_kept(text: str) -> str | None:
    """Return what in a text cannot be stored as UTF-8 or in JSON, in words; None when there is nothing."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        return "half of a character (a lone surrogate)"
    return "a NUL character" if "\x00" in text else None


def name_trouble(text: str) -> tuple[str, str] | None:
    """Return why a text cannot be a name, and what to do; None when it can.

    Names are shown inside other lines, so line breaks and characters that reorder the text after them are refused. Right-to-left
    scripts, their marks and joined characters are allowed.
    """
    if any(unicodedata.category(character) in _CONTROLS for character in text):
        return "holds a line break or another control character", "Write it in one line"
    turning = _TURNING.search(text)
    if turning is not None:
        code_point = f"U+{ord(turning[0]):04X}"
        return (
            f"holds a character that is not seen and turns the text after it around ({code_point})",
            "Type it instead of pasting it",
        )
    hidden = _HIDDEN.search(text)
    if hidden is not None:
        return f"holds a character that is not seen (U+{ord(hidden[0]):04X})", "Type it instead of pasting it"
    return None


def unturned(text: str) -> str:
    """Remove directional embeddings, overrides and isolates; letters keep their own direction."""
    return _TURNING.sub("", text)


def one_line(text: str) -> str:
    """Return a stored text in a form that ``name_trouble`` accepts: on one line, without what it refuses."""
    if name_trouble(text) is None:
        return text
    parted = (
        " " if unicodedata.category(character) in _CONTROLS else character
        for character in _HIDDEN.sub("", unturned(text))
    )
    return " ".join("".join(parted).split())


def same_text(text: str) -> str:
    """Return the form in which texts are compared: NFC, line breaks as LF, no surrounding blanks."""
    return unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").strip()


def reuse_hash(canonical: Mapping[str, Any]) -> str:
    """Return the hash of a canonical request in hex, equal for requests that are compared as equal.

    Trace id and image name do not count. Revision 0003 of the database schema contains a copy of this function, with which it
    filled the column for older rows: a change here needs a new revision that fills it again.
    """
    content = {key: value for key, value in canonical.items() if key != "client_request_id"}
    content["prompt"] = same_text(content["prompt"])
    content["params"] = {
        key: same_text(value) if isinstance(value, str) else value for key, value in content["params"].items()
    }
    image = content.get("reference_image")
    if image:
        content["reference_image"] = {key: value for key, value in image.items() if key != "name"}
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
