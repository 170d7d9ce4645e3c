"""What a person types into the search box, as a query. The one place that knows the full-text index.

Every word must stand in the prompt or the negative prompt, the last letters may be missing; a generation id, or the
beginning of a task id, finds its row too. No text makes the search fail.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.lab.schema import generations

TEXT_MAX: Final = 400
WORDS_MAX: Final = 16
TASK_ID_MIN: Final = 8  # shorter beginnings are words like "task_", which every task id has

_INDEX: Final = sa.table("lab_prompts_fts", sa.column("rowid"), sa.column("lab_prompts_fts"))
_WORD_CATEGORIES: Final = ("L", "N", "Co", "Mn", "Mc")  # as in the index's tokenizer
_LAST: Final = "\U0010ffff"


def matching(text: str) -> sa.Select[Any] | None:
    """The sequence numbers of the generations that a search text finds; None when the text holds nothing to look for."""
    text = text.encode("utf-8", "ignore").decode("utf-8")[:TEXT_MAX].strip()
    words = [word for word in text.split() if _is_word(word)][:WORDS_MAX]
    if not words:
        return None
    expression = " AND ".join(_any_spelling(word) for word in words)
    found = sa.select(_INDEX.c.rowid.label("seq")).where(_INDEX.c.lab_prompts_fts.op("MATCH")(expression))
    if len(text.split()) > 1:
        return found
    by_id = sa.select(generations.c.seq).where(generations.c.id == text)
    by_task = sa.select(generations.c.seq).where(generations.c.task_id == text)
    if len(text) >= TASK_ID_MIN:
        by_task = sa.select(generations.c.seq).where(
            generations.c.task_id >= text, generations.c.task_id < text + _LAST
        )
    everything = sa.union_all(found, by_id, by_task).subquery()
    return sa.select(everything.c.seq)


def _is_word(word: str) -> bool:
    return any(unicodedata.category(character).startswith(_WORD_CATEGORIES) for character in word)


def _any_spelling(word: str) -> str:
    """Quote a word for FTS5 as a phrase whose end is open, in every form in which Unicode may have written it."""
    spellings = {word, unicodedata.normalize("NFC", word), unicodedata.normalize("NFD", word)}
    composed = unicodedata.normalize("NFC", word)
    for apart, together in _indic_pairs():
        composed = composed.replace(apart, together)
    quoted = [f'"{_clean(spelling)}"*' for spelling in sorted(spellings | {composed})]
    return "(" + " OR ".join(quoted) + ")"


def _clean(word: str) -> str:
    return "".join(character for character in word if character >= " ").replace('"', '""')


@cache
def _indic_pairs() -> tuple[tuple[str, str], ...]:
    """Letters with a dot below (Bengali and others) that keyboards type whole, but no normal form puts together."""
    letters = (chr(code) for code in range(0x0900, 0x0E00))
    return tuple(
        (unicodedata.normalize("NFC", one), one) for one in letters if unicodedata.normalize("NFC", one) != one
    )
