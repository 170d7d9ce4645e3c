"""Turn the text of the search box into a query. The one place that knows the full-text indexes.

Every word must occur in the prompt or the negative prompt; its last letters may be missing, and in scripts without spaces it
may occur anywhere in a sentence. A generation id, or a prefix of a task id, also finds its row. No input makes the search
fail. Tokens come from ``search_words`` and are stored in the column of that name.
"""

from __future__ import annotations

import unicodedata
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from rivya_core.lab.ledger.history.search_words import as_lexeme, words_of
from rivya_core.lab.ledger.schema import generations

TEXT_MAX: Final = 400
WORDS_MAX: Final = 16
MOST_APART: Final = 4  # code points of one character in its longest common form
TASK_ID_MIN: Final = 8  # shorter prefixes, such as "task_", are shared by all task ids

LISTED: Final = "ix_lab_generations_listed"
"""The index that has all that History is filtered by."""

_INDEX: Final = sa.table("lab_prompts_fts", sa.column("rowid"), sa.column("lab_prompts_fts"))
_LAST: Final = "\U0010ffff"


class Found(FunctionElement[bool]):
    """A condition that is written differently for each kind of database: one argument for each. ``text``: what was typed."""

    type = sa.Boolean()
    inherit_cache = True
    text: str
    phrases: list[list[str]]


@compiles(Found, "sqlite")
def _on_sqlite(found: Found, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(next(iter(found.clauses)), **options)


@compiles(Found, "postgresql")
def _on_postgresql(found: Found, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(list(found.clauses)[1], **options)


def matching(text: str) -> Found | None:
    """Return the condition for the generations that a search text finds; None when it contains no word."""
    text = text.encode("utf-8", "ignore").decode("utf-8").strip()[: TEXT_MAX * MOST_APART]
    typed = unicodedata.normalize("NFKC", text)[:TEXT_MAX].split()
    phrases = [words for words in (words_of(part, open_end=True) for part in typed) if words][:WORDS_MAX]
    if not phrases:
        return None
    ids = [] if len(typed) > 1 else _ids(text)
    found = Found(_by_fts5(phrases, ids).self_group(), sa.or_(_by_vector(phrases), *ids).self_group())
    found.text, found.phrases = "" if len(typed) > 1 else text, phrases
    return found


def is_an_id(connection: sa.Connection, found: Found) -> bool:
    """Return whether the text is somebody's id, too."""
    if not found.text:
        return False
    named = sa.select(generations.c.seq).where(sa.or_(*_ids(found.text))).limit(1)
    return connection.execute(named).first() is not None


def by_index(found: Found, *others: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """On SQLite: select the rows with the words, newest first, out of the full-text index, which has them in this order.

    As a condition it would first collect every row with the words. Only for a text that is nobody's id.
    """
    match = _INDEX.c.lab_prompts_fts.op("MATCH")(_expression(found.phrases))
    query = sa.select(_INDEX.c.rowid.label("seq")).where(match).order_by(_INDEX.c.rowid.desc())
    if not others:
        return query
    rows = _INDEX.join(generations, _INDEX.c.rowid + 0 == generations.c.seq)  # "+ 0": by the index, never row by row
    return query.select_from(rows).with_hint(generations, f"INDEXED BY {LISTED}", "sqlite").where(*others)


def in_row(found: Found) -> list[sa.ColumnElement[bool]]:
    """On SQLite: the conditions for one row to have the words, read from the row itself, as the full-text index finds them."""
    stored = sa.literal(" ") + generations.c.search_words
    return [sa.func.instr(stored, f" {' '.join(words)}") > 0 for words in found.phrases]


def _ids(text: str) -> list[sa.ColumnElement[bool]]:
    """Return the conditions for the rows whose id a text is, or whose task id it begins."""
    column = generations.c
    if len(text) < TASK_ID_MIN:
        return [column.id == text, column.task_id == text]
    return [column.id == text, sa.and_(column.task_id >= text, column.task_id < text + _LAST)]


def _by_fts5(phrases: list[list[str]], ids: list[sa.ColumnElement[bool]]) -> sa.ColumnElement[bool]:
    """Ask FTS5: each phrase in quotes, its last word a prefix."""
    match = _INDEX.c.lab_prompts_fts.op("MATCH")(_expression(phrases))
    found = sa.select(_INDEX.c.rowid.label("seq")).where(match)
    if not ids:
        return generations.c.seq.in_(found)
    everything = sa.union_all(found, *(sa.select(generations.c.seq).where(one) for one in ids)).subquery()
    return generations.c.seq.in_(sa.select(everything.c.seq))


def _expression(phrases: list[list[str]]) -> str:
    return " AND ".join(f'"{" ".join(words)}"*' for words in phrases)


def _by_vector(phrases: list[list[str]]) -> sa.ColumnElement[bool]:
    """Ask the ``tsvector``: words that follow each other, the last one a prefix."""
    expression = " & ".join(" <-> ".join(as_lexeme(word) for word in words) + ":*" for words in phrases)
    return generations.c.search_words.bool_op("@@")(sa.cast(sa.literal(expression, sa.Text), TSQUERY))
