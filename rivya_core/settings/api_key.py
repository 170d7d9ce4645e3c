"""Clean the API key as people paste it: with quotes, a variable name or invisible characters around it.

Only what is never part of a key is removed; anything else that does not look like a key is refused, in a message that never
repeats it.
"""

from __future__ import annotations

import re
import unicodedata

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # b64token, what may follow "Bearer": RFC 6750, section 2.1
_PAIRS = {
    '"': '"', "'": "'", "`": "`", "\N{LEFT DOUBLE QUOTATION MARK}": "\N{RIGHT DOUBLE QUOTATION MARK}",
    "\N{RIGHT DOUBLE QUOTATION MARK}": "\N{RIGHT DOUBLE QUOTATION MARK}",
    "\N{DOUBLE LOW-9 QUOTATION MARK}": "\N{LEFT DOUBLE QUOTATION MARK}",
    "\N{LEFT SINGLE QUOTATION MARK}": "\N{RIGHT SINGLE QUOTATION MARK}",
    "\N{RIGHT SINGLE QUOTATION MARK}": "\N{RIGHT SINGLE QUOTATION MARK}",
    "\N{SINGLE LOW-9 QUOTATION MARK}": "\N{LEFT SINGLE QUOTATION MARK}",
    "\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}": "\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}",
    "\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}": "\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}",
    "\N{FULLWIDTH QUOTATION MARK}": "\N{FULLWIDTH QUOTATION MARK}",
    "<": ">", "[": "]", "(": ")", "{": "}",
}  # fmt: skip
_COMMAND = re.compile(r"(?:export|setx?|env|declare\s+-x)\s+", re.IGNORECASE)
_SCHEME = re.compile(r"(?:bearer\s+|bearer\s*:\s*)(?=\S)", re.IGNORECASE)
_NAME = re.compile(
    r"(?P<quote>[\"']?)(?:\$env:)?(?P<name>[A-Za-z][A-Za-z0-9_-]*)(?P=quote)\s*(?:=|:(?!//))\s*", re.IGNORECASE
)
_KEY_NAME = re.compile(r"key|token|authorization|rivya", re.IGNORECASE)
_WORDS_OF_NO_KEY = {"bearer", "rivya_api_key", "api_key", "authorization", "none", "null"}
_MARK = "rvya_"


def clean_key(text: str) -> str:
    """Return the key without its surroundings; empty when nothing is left.

    Raises:
        ValueError: the rest cannot be a key. The message names the rule and contains no part of the text.
    """
    key = _inner(text)
    if not key:
        return ""
    if key.split() != [key]:
        raise ValueError("the key holds a space or a line break; copy it again")
    if not key.isascii() or not key.isprintable():
        raise ValueError("the key holds a character that cannot stand in a header; copy it again")
    if key.lower() in _WORDS_OF_NO_KEY:
        raise ValueError("the value is a name and not the key itself; copy the key again")
    if not _TOKEN.fullmatch(key):
        raise ValueError("the key holds a quotation mark, bracket or other sign that no key has; copy the key alone")
    return key


def _inner(text: str) -> str:
    """Remove layer after layer until nothing changes."""
    # "Cf" is invisible wherever it stands: byte order marks, zero-width characters, marks of direction.
    inner = "".join(character for character in text if unicodedata.category(character) != "Cf").strip(_BLANKS)
    while True:
        before = inner
        for take_off in (_without_command, _without_name, _without_pair):
            inner = take_off(inner).strip(_BLANKS)
        if inner == before:
            return inner


def _without_command(text: str) -> str:
    """Drop a leading ``export`` or ``set`` before an assignment, and ``Bearer`` before a key."""
    command = _COMMAND.match(text)
    if command and _NAME.match(text.removeprefix(command[0]).lstrip("\"'")):
        return text[command.end() :]
    scheme = _SCHEME.match(text)
    return text[scheme.end() :] if scheme else text


def _without_name(text: str) -> str:
    """Drop ``NAME=`` or ``NAME:``, where the name says that a key follows or a key of Rivya does follow."""
    named = _NAME.match(text)
    if named is None or named["name"].lower().startswith(_MARK):
        return text
    rest = text[named.end() :]
    if not rest.strip("=") and named["name"].lower() not in _WORDS_OF_NO_KEY:
        return text  # padding at the end of a key
    return rest if _KEY_NAME.search(named["name"]) or _MARK in rest else text


def _without_pair(text: str) -> str:
    """Drop one pair of quotation marks or brackets around the whole, and the comma or semicolon behind it."""
    bare = text.rstrip(",;") if text[:1] in _PAIRS else text
    if len(bare) > 1 and _PAIRS.get(bare[0]) == bare[-1]:
        return bare[1:-1]
    return text


_BLANKS = "".join(
    map(chr, [*range(0x21), 0x7F, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000])
)
