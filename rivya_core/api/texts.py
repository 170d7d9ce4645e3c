"""What a text says, whatever the bytes it came in: whether it shows anything, whether it is a name, and which texts ask for the same.

What is stored, counted and sent is always the text as it was typed.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

_DRAWN_FORMATS: Final = re.compile("[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd]")
"""Format characters that are drawn: signs written around a number (Unicode's Prepended_Concatenation_Mark)."""

_UNDRAWN: Final = re.compile(
    "["
    "\u2800\U00013441\U00013442"  # blanks that are letters or symbols: Braille, hieroglyphs
    "\u034f\u115f\u1160\u17b4\u17b5\u2065\u3164\uffa0\U00016fe4\U0001d159"  # joiners, fillers, a note without a head
    "\u180b-\u180f\ufe00-\ufe0f\U000e0000-\U000e0fff"  # variation selectors, tags, and what is kept free for such
    "\ufff0-\ufff8\ufdd0-\ufdef"  # the same, and places that are no characters
    "]"
)
_UNDRAWN_KINDS: Final = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})
_CONTROLS: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNING: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Characters that embed, override or isolate a direction (Unicode's Bidi_Control without the marks, which turn nothing)."""

_HIDDEN: Final = re.compile("[\u00ad\u200b\u2060-\u2064\ufeff]")
"""Characters without width that join and form nothing, so that a name with one reads like another."""

_NO_CHARACTER: Final = 0xFFFE  # the last two places of every plane


def shows_nothing(text: str) -> bool:
    """Tell whether nobody would see anything of a text: blanks, controls, fillers, joiners and the like alone."""
    return all(_is_undrawn(character) for character in text)


def _is_undrawn(character: str) -> bool:
    if unicodedata.category(character) in _UNDRAWN_KINDS:
        return not _DRAWN_FORMATS.match(character)
    return bool(_UNDRAWN.match(character)) or ord(character) & _NO_CHARACTER == _NO_CHARACTER


def cannot_be_kept(text: str) -> str | None:
    """Name what of a text cannot stand in JSON or a file as UTF-8, or return None."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        return "half of a character (a lone surrogate)"
    return "a NUL character" if "\x00" in text else None


def name_trouble(text: str) -> tuple[str, str] | None:
    """Tell why a text cannot be a name, which is drawn inside other lines, and what to do; None when it can be one.

    Right-to-left scripts, their marks and joined characters may stand in it; what turns or breaks the line around it may not.
    """
    if any(unicodedata.category(character) in _CONTROLS for character in text):
        return "holds a line break or another control character", "Write it in one line"
    turning = _TURNING.search(text)
    if turning is not None:
        found = f"U+{ord(turning[0]):04X}"
        return (
            f"holds a character that is not seen and turns the text after it around ({found})",
            "Type it instead of pasting it",
        )
    hidden = _HIDDEN.search(text)
    if hidden is not None:
        return f"holds a character that is not seen (U+{ord(hidden[0]):04X})", "Type it instead of pasting it"
    return None


def unturned(text: str) -> str:
    """Leave out the characters that turn the direction of a text; letters keep the direction of their own."""
    return _TURNING.sub("", text)


def one_line(text: str) -> str:
    """What was kept before ``name_trouble`` was asked, as a name: one line without what it refuses; any other text as it is."""
    if name_trouble(text) is None:
        return text
    parted = (
        " " if unicodedata.category(character) in _CONTROLS else character
        for character in _HIDDEN.sub("", unturned(text))
    )
    return " ".join("".join(parted).split())


def same_text(text: str) -> str:
    """The form in which texts are compared: NFC, line feeds alone as line breaks, no blanks at the ends; nothing else."""
    return unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").strip()


def reuse_hash(canonical: Mapping[str, Any]) -> str:
    """Hash what a canonical request asks for, in hex, its texts as they are compared.

    The trace id and the image's name do not count. Revision 0003 of the ledger's schema holds a copy, by which it marked
    the rows of older versions: whoever changes what is the same here appends a revision that marks all rows again.
    """
    asked = {key: value for key, value in canonical.items() if key != "client_request_id"}
    asked["prompt"] = same_text(asked["prompt"])
    asked["params"] = {
        key: same_text(value) if isinstance(value, str) else value for key, value in asked["params"].items()
    }
    image = asked.get("reference_image")
    if image:
        asked["reference_image"] = {key: value for key, value in image.items() if key != "name"}
    text = json.dumps(asked, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
