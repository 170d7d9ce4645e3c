"""The words of a prompt, in any script, and those that stand in the prompt and in the negative prompt alike."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MARKS: Final = re.escape(r"""!"#$%&()*+,./:;<=>?@[\]^_`{|}~'-""") + "\u2010-\u2027\u0964\u3001\u3002\uff01\uff0c\uff1f"
SINGLE: Final = "\u3040-\u30ff\u3400-\u9fff"
"""Written without spaces: each sign counts as a word."""

_INNER: Final = f"[^\\s{MARKS}{SINGLE}]+"  # not \\w, which ends at the vowel signs of Indic scripts
_SPACED: Final = f"{_INNER}(?:['\u2019-]{_INNER})*"

WORD: Final = re.compile(f"[{SINGLE}]|{_SPACED}")
TOKEN: Final = re.compile(f"\\s+|{WORD.pattern}|[{MARKS}]")

_TELLING: Final = re.compile(f"[{SINGLE}]+|{_SPACED}")
_UNSPACED: Final = re.compile(f"[{SINGLE}]+")
_SMALL: Final = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "for",
        "from",
        "has",
        "in",
        "into",
        "is",
        "it",
        "its",
        "no",
        "not",
        "of",
        "off",
        "on",
        "or",
        "over",
        "that",
        "the",
        "this",
        "to",
        "with",
        "without",
    ]
)
"""Words that say nothing of a picture by themselves."""


def shared_words(prompt: str, negative_prompt: str) -> tuple[str, ...]:
    """Find what a request asks for and asks to leave out at once: words of the negative prompt that the prompt has too.

    Whole words, whatever their case and however their letters are encoded; small words such as "the" do not count. Texts
    written without spaces have no such words: there a run of signs counts when the prompt holds it.

    Returns:
        The words as the negative prompt writes them, each once, in its order.
    """
    asked = _plain(prompt)
    words = {match.group() for match in _TELLING.finditer(asked)}
    found: dict[str, str] = {}
    for match in _TELLING.finditer(unicodedata.normalize("NFC", negative_prompt)):
        word = _plain(match.group())
        if word not in _SMALL and (word in words or (_UNSPACED.fullmatch(word) and word in asked)):
            found.setdefault(word, match.group())
    return tuple(found.values())


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
