"""Tokenize text for the search: one pure function serves both the stored text and the query, so that they always agree.

A token is a case-folded run of letters, digits and marks. Scripts without spaces between words (Chinese, Japanese, Thai ...;
also Korean, which joins words) become overlapping bigrams instead, so that a word is found anywhere: a query of three
characters is a phrase of two bigrams. Tokens are stored separated by spaces, so that any database can index them.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Final

BETWEEN_TEXTS: Final = "\N{DOUBLE VERTICAL LINE}"
"""Separator token between two texts, so that no phrase matches across them; never a token of a text."""

LEXEME_MAX: Final = 500
"""Characters of the longest lexeme; PostgreSQL allows 2046 bytes, of which a character has up to four."""

_NO_WORD, _WORD, _PAIRS = range(3)
_ASCII_RUN: Final = re.compile("[a-z0-9]+")
_WORD_CATEGORIES: Final = ("L", "N", "Co", "Mn", "Mc")
_UNSPACED: Final = (  # Unicode blocks of the scripts that are stored as bigrams
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul, in letters
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19FF),  # Tai Le, New Tai Lue, Khmer symbols
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x1B00, 0x1B7F),  # Balinese
    (0x2E80, 0x312F),  # Han radicals, kana, Bopomofo
    (0x3130, 0x318F),  # Hangul, in letters
    (0x31A0, 0x31FF),  # Bopomofo, kana
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0xA4CF),  # Han, Yi
    (0xA960, 0xA97F),  # Hangul, in letters
    (0xA980, 0xA9FF),  # Javanese, Myanmar
    (0xAA60, 0xAADF),  # Myanmar, Tai Viet
    (0xAC00, 0xD7FF),  # Hangul
    (0xF900, 0xFAFF),  # Han
    (0x16FE0, 0x18DFF),  # Tangut
    (0x1AFF0, 0x1B16F),  # kana
    (0x1B170, 0x1B2FF),  # Nüshu
    (0x20000, 0x3FFFF),  # Han
)
_DROPPED_MARKS: Final = (  # marks that people leave out when they search
    (0x0300, 0x036F),  # accents of Latin, Greek and Cyrillic
    (0x0591, 0x05C7),  # points of Hebrew
    (0x064B, 0x065F),  # vowels of Arabic
    (0x0670, 0x0670),
    (0x06D6, 0x06ED),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),
    (0xFE00, 0xFE0F),  # how a sign is drawn, as text or as emoji
    (0xFE20, 0xFE2F),
    (0xE0100, 0xE01EF),
)
_TATWEEL: Final = "\N{ARABIC TATWEEL}"
_JOINED_BY_NOTHING: Final = re.compile(r"(?<=[\u0600-\u06ff])\u200c(?=[\u0600-\u06ff])")  # as in Persian compounds


def stored_words(*texts: str) -> str:
    """Return the tokens of texts, separated by spaces, as stored in the column ``search_words``."""
    return f" {BETWEEN_TEXTS} ".join(" ".join(words_of(text)) for text in texts if text)


def as_vector(words: str) -> str:
    """Write stored words as PostgreSQL's ``tsvector``, each with its place, so that phrases are found."""
    return " ".join(f"{as_lexeme(word)}:{place}" for place, word in enumerate(words.split(), 1))


def as_lexeme(word: str) -> str:
    """Quote a word for a ``tsvector`` or ``tsquery``, cut to the length that PostgreSQL can hold."""
    return "'" + word[:LEXEME_MAX].replace("\\", "\\\\").replace("'", "''") + "'"


def words_of(text: str, *, open_end: bool = False) -> list[str]:
    """Return the tokens of a text, in order.

    Each run of a script without spaces gives its bigrams, then its last character alone, so that every character starts a
    token. ``open_end``: the text is a query prefix, so its last run gives bigrams only.
    """
    runs = _runs(fold(text))
    found: list[str] = []
    for number, (unspaced, run) in enumerate(runs, 1):
        if not unspaced:
            found.append(run)
            continue
        found += (first + second for first, second in pairwise(run))
        if not (open_end and number == len(runs) and len(run) > 1):
            found.append(run[-1])
    return found


def _runs(folded: str) -> list[tuple[bool, str]]:
    """Split a text into runs, at separators and between scripts; yield whether a run is stored as bigrams, and the run."""
    if folded.isascii():
        return [(False, run) for run in _ASCII_RUN.findall(folded)]
    kinds = groupby(folded, key=_kind)
    return [(kind == _PAIRS, "".join(run)) for kind, run in kinds if kind != _NO_WORD]


@lru_cache(maxsize=20_000)
def _kind(character: str) -> int:
    if not unicodedata.category(character).startswith(_WORD_CATEGORIES):
        return _NO_WORD
    return _PAIRS if _is_in(character, _UNSPACED) else _WORD


@lru_cache(maxsize=20_000)
def _is_dropped(character: str) -> bool:
    return unicodedata.category(character) in {"Cf", "Me"} or character == _TATWEEL or _is_in(character, _DROPPED_MARKS)


def _is_in(character: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= ord(character) <= last for first, last in ranges)


def fold(text: str) -> str:
    """Normalize a text for the search: width, case, accents, invisible characters and Unicode normal form do not count."""
    if text.isascii():
        return text.lower()
    text = text.encode("utf-8", "ignore").decode("utf-8")
    text = _JOINED_BY_NOTHING.sub(" ", text)
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    apart = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(character for character in apart if not _is_dropped(character)))
