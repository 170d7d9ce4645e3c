"""Who did it, where people sign in: the person of a generation, a sweep, its pause and decision, a show, a change of a cap."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("lab_generations", "person"),
    ("lab_experiments", "person"),
    ("lab_experiments", "paused_by"),
    ("lab_experiments", "decided_by"),
    ("lab_shows", "person"),
    ("lab_cap_changes", "person"),
)


def upgrade() -> None:
    """Add the columns, all of which may be empty, and an index that holds only rows with a person."""
    for table, column in _COLUMNS:
        op.add_column(table, sa.Column(column, sa.String(length=64), nullable=True))
    op.create_index(
        "ix_lab_generations_person",
        "lab_generations",
        ["person", "mode", "cap_day", "held_credits"],
        unique=False,
        sqlite_where=sa.text("person IS NOT NULL"),
        postgresql_where=sa.text("person IS NOT NULL"),
    )
