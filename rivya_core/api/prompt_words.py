"""Split a prompt into words, in any script, and find those that are in the prompt and in the negative prompt."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MARKS: Final = re.escape(r"""!"#$%&()*+,./:;<=>?@[\]^_`{|}~'-""") + "\u2010-\u2027\u0964\u3001\u3002\uff01\uff0c\uff1f"
SINGLE: Final = "\u3040-\u30ff\u3400-\u9fff"
"""Scripts without spaces (kana, CJK ideographs): each character counts as a word."""

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
"""English stop words."""


def shared_words(prompt: str, negative_prompt: str) -> tuple[str, ...]:
    """Return the words of the negative prompt that the prompt contains too, a contradiction.

    Whole words are compared, ignoring case and Unicode form; stop words do not count. In scripts without spaces a run of
    characters counts when the prompt contains it.

    Returns:
        The words as written in the negative prompt, each once, in its order.
    """
    prompt_words = _plain(prompt)
    words = {match.group() for match in _TELLING.finditer(prompt_words)}
    shared: dict[str, str] = {}
    for match in _TELLING.finditer(unicodedata.normalize("NFC", negative_prompt)):
        word = _plain(match.group())
        if word not in _SMALL and (word in words or (_UNSPACED.fullmatch(word) and word in prompt_words)):
            shared.setdefault(word, match.group())
    return tuple(shared.values())


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
