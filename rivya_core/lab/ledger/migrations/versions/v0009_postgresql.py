"""On PostgreSQL: the words of prompts as an indexed ``tsvector``, 64 bits for what is counted, no limit for what the API says.

SQLite has all of it already.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

COUNTED = (
    ("lab_generations", "seq"),
    ("lab_events", "id"),
    ("lab_movements", "id"),
    ("lab_clip_notes", "id"),
    ("lab_vote_pairs", "id"),
    ("lab_balances", "id"),
    ("lab_cap_changes", "id"),
    ("lab_ballot_lines", "id"),
)
AMOUNTS = (
    ("lab_assets", "size_bytes"),
    ("lab_generations", "clip_bytes"),
    ("lab_ballots", "size_bytes"),
    *(("lab_generations", f"{kind}_credits") for kind in ("expected", "reserved", "final", "held")),
    ("lab_movements", "credits"),
    ("lab_experiments", "cap_credits"),
    ("lab_experiments", "quoted_credits"),
    ("lab_cells", "expected_credits"),
    *(("lab_balances", name) for name in ("credits", "booked_credits", "open_credits")),
    *(("lab_cap_changes", name) for name in ("before_credits", "after_credits")),
)


def upgrade() -> None:
    """Change the types."""
    if op.get_context().dialect.name != "postgresql":
        return
    for table, column in (*COUNTED, *AMOUNTS):
        op.alter_column(table, column, type_=sa.BigInteger())
    for table, column in COUNTED:
        op.execute(f"ALTER SEQUENCE {table}_{column}_seq AS bigint")
    op.alter_column("lab_generations", "task_status", type_=sa.Text())
    _words()


def _words() -> None:
    op.alter_column("lab_generations", "search_words", new_column_name="words_as_text")
    op.add_column("lab_generations", sa.Column("search_words", TSVECTOR(), nullable=True))
    op.execute(
        """
        UPDATE lab_generations SET search_words = (
            SELECT string_agg('''' || replace(left(word, 500), '''', '''''') || ''':' || place, ' ')::tsvector
            FROM unnest(string_to_array(words_as_text, ' ')) WITH ORDINALITY AS listed (word, place)
        ) WHERE words_as_text IS NOT NULL
        """
    )
    op.drop_column("lab_generations", "words_as_text")
    op.create_index(
        "ix_lab_generations_search_words", "lab_generations", ["search_words"], unique=False, postgresql_using="gin"
    )
