"""The words of prompts in a column of their own, made in Python, and the full-text index over them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from rivya_core.lab.ledger.history.search_words import stored_words

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ROWS_AT_ONCE = 1000


def upgrade() -> None:
    """Add the column, fill it for every row, and index it in place of the prompts themselves."""
    sqlite = op.get_context().dialect.name == "sqlite"
    if sqlite:
        for name in ("insert", "delete", "update"):
            op.execute(f"DROP TRIGGER lab_prompts_fts_{name}")
        op.execute("DROP TABLE lab_prompts_fts")
    op.add_column("lab_generations", sa.Column("search_words", sa.Text(), nullable=True))
    _fill()
    if sqlite:
        _index()


def _fill() -> None:
    rows = sa.table(
        "lab_generations",
        *map(sa.column, ("seq", "prompt", "negative_prompt", "search_words")),
    )
    store = sa.update(rows).where(rows.c.seq == sa.bindparam("at")).values(search_words=sa.bindparam("words"))
    connection = op.get_bind()
    last = 0
    while True:
        page = sa.select(rows.c.seq, rows.c.prompt, rows.c.negative_prompt).where(rows.c.seq > last)
        found = connection.execute(page.order_by(rows.c.seq).limit(ROWS_AT_ONCE)).all()
        if not found:
            return
        connection.execute(store, [{"at": seq, "words": stored_words(prompt, no)} for seq, prompt, no in found])
        last = found[-1][0]


def _index() -> None:
    """An index beside the table (external content), kept in step by triggers; words are cut at blanks and nothing else."""
    op.execute(
        """
        CREATE VIRTUAL TABLE lab_prompts_fts USING fts5(
            search_words, content='lab_generations', content_rowid='seq', prefix='1 2 3', tokenize='ascii'
        )
        """
    )
    op.execute("INSERT INTO lab_prompts_fts (lab_prompts_fts) VALUES ('rebuild')")
    new = "INSERT INTO lab_prompts_fts (rowid, search_words) VALUES (new.seq, new.search_words);"
    old = "INSERT INTO lab_prompts_fts (lab_prompts_fts, rowid, search_words) VALUES ('delete', old.seq, old.search_words);"
    for name, event, statements in (
        ("insert", "INSERT", new),
        ("delete", "DELETE", old),
        ("update", "UPDATE OF seq, search_words", old + new),
    ):
        op.execute(f"CREATE TRIGGER lab_prompts_fts_{name} AFTER {event} ON lab_generations BEGIN {statements} END")
