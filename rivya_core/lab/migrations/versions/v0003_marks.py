"""What makes two requests the same for reuse, and marks beside the state: same task, no longer watched, how whole a clip is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; all may be empty."""
    op.add_column("lab_generations", sa.Column("reuse_sha256", sa.String(length=64), nullable=True))
    op.add_column("lab_generations", sa.Column("duplicate_of", sa.String(length=64), nullable=True))
    op.add_column("lab_generations", sa.Column("unwatched_at", sa.DateTime(), nullable=True))
    op.add_column("lab_generations", sa.Column("clip_check", sa.String(length=16), nullable=True))
    op.add_column("lab_generations", sa.Column("clip_fault", sa.Text(), nullable=True))
    op.create_index("ix_lab_generations_reuse_sha256", "lab_generations", ["reuse_sha256"], unique=False)
    op.add_column("lab_cells", sa.Column("reuse_sha256", sa.String(length=64), nullable=True))
