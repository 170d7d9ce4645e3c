"""For which server a process that shares the database works."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; empty in a process of before."""
    op.add_column("lab_workers", sa.Column("connection", sa.Text(), nullable=True))
