"""Turn the text of the search box into a query. The one place that knows the full-text index (FTS5).

Every word must occur in the prompt or the negative prompt; its last letters may be missing, and in scripts without spaces it
may occur anywhere in a sentence. A generation id, or a prefix of a task id, also finds its row. No input makes the search
fail. Tokens come from ``search_words`` and are stored in the column of that name.
"""

from __future__ import annotations

import unicodedata
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.lab.ledger.history.search_words import words_of
from rivya_core.lab.ledger.schema import generations

TEXT_MAX: Final = 400
WORDS_MAX: Final = 16
MOST_APART: Final = 4  # code points of one character in its longest common form
TASK_ID_MIN: Final = 8  # shorter prefixes, such as "task_", are shared by all task ids

_INDEX: Final = sa.table("lab_prompts_fts", sa.column("rowid"), sa.column("lab_prompts_fts"))
_LAST: Final = "\U0010ffff"


def matching(text: str) -> sa.Select[Any] | None:
    """Select the sequence numbers of the generations that a search text finds; None when it contains no word."""
    text = text.encode("utf-8", "ignore").decode("utf-8").strip()[: TEXT_MAX * MOST_APART]
    typed = unicodedata.normalize("NFKC", text)[:TEXT_MAX].split()
    phrases = [phrase for phrase in (_phrase(word) for word in typed) if phrase][:WORDS_MAX]
    if not phrases:
        return None
    expression = " AND ".join(phrases)
    found = sa.select(_INDEX.c.rowid.label("seq")).where(_INDEX.c.lab_prompts_fts.op("MATCH")(expression))
    if len(typed) > 1:
        return found
    by_id = sa.select(generations.c.seq).where(generations.c.id == text)
    by_task = sa.select(generations.c.seq).where(generations.c.task_id == text)
    if len(text) >= TASK_ID_MIN:
        by_task = sa.select(generations.c.seq).where(
            generations.c.task_id >= text, generations.c.task_id < text + _LAST
        )
    everything = sa.union_all(found, by_id, by_task).subquery()
    return sa.select(everything.c.seq)


def _phrase(typed: str) -> str:
    """Return a space-delimited part of the input as an FTS5 prefix phrase; empty when it contains no word."""
    words = words_of(typed, open_end=True)
    return f'"{" ".join(words)}"*' if words else ""
