"""Who changed what others see, where people sign in: the last change of a sweep and of a show, a round's end, a line, a label."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("lab_experiments", "changed_by"),
    ("lab_shows", "changed_by"),
    ("lab_vote_rounds", "ended_by"),
    ("lab_ballot_lines", "taken_out_by"),
    ("lab_labels", "person"),
)


def upgrade() -> None:
    """Add the columns, all of which may be empty."""
    for table, column in _COLUMNS:
        op.add_column(table, sa.Column(column, sa.String(length=64), nullable=True))
