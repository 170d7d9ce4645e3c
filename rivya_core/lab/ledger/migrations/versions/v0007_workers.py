"""Workers that share a database: who is alive, which of them drives a row, and what all of them together send and read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, empty for rows of one machine, and the tables."""
    op.add_column("lab_generations", sa.Column("worker_id", sa.String(length=128), nullable=True))
    op.add_column("lab_generations", sa.Column("fence", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("lab_generations", sa.Column("posting_at", sa.DateTime(), nullable=True))
    held = sa.text("worker_id IS NOT NULL")
    op.create_index(
        "ix_lab_generations_worker_id",
        "lab_generations",
        ["worker_id"],
        unique=False,
        sqlite_where=held,
        postgresql_where=held,
    )
    op.create_table(
        "lab_workers",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.Column("at_work", sa.Integer(), nullable=False),
        sa.Column("clock_off_s", sa.Float(), nullable=False),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lab_workers")),
    )
    op.create_table(
        "lab_rates",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("next_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lab_rates")),
    )
