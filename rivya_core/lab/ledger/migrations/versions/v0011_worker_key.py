"""Which key a process that shares the database has, as a fingerprint."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; empty in a process of before."""
    op.add_column("lab_workers", sa.Column("key_fingerprint", sa.String(16), nullable=True))
