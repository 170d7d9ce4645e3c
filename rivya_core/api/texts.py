"""What a text says, whatever the bytes it came in: whether it shows anything, and which texts ask for the same.

For comparing alone. What is stored, counted and sent is always the text as it was typed.
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
_NO_CHARACTER: Final = 0xFFFE  # the last two places of every plane


def shows_nothing(text: str) -> bool:
    """Tell whether nobody would see anything of a text: blanks, controls, fillers, joiners and the like alone."""
    return all(_is_undrawn(character) for character in text)


def _is_undrawn(character: str) -> bool:
    if unicodedata.category(character) in _UNDRAWN_KINDS:
        return not _DRAWN_FORMATS.match(character)
    return bool(_UNDRAWN.match(character)) or ord(character) & _NO_CHARACTER == _NO_CHARACTER


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
