"""Labels, hidden sweeps, what happened to an image before it was sent, kept uploads, and what a server was seen to do."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, all of which may be empty, and the tables."""
    op.add_column("lab_assets", sa.Column("origin", sa.JSON(), nullable=True))
    op.add_column("lab_experiments", sa.Column("source", sa.String(length=16), nullable=True))
    op.add_column("lab_experiments", sa.Column("hidden_at", sa.DateTime(), nullable=True))
    op.create_table(
        "lab_labels",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("of_id", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "of_id", "label", name=op.f("pk_lab_labels")),
    )
    op.create_index("ix_lab_labels_label", "lab_labels", ["label", "kind"], unique=False)
    op.create_table(
        "lab_uploads",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("key_fingerprint", sa.String(length=16), nullable=False),
        sa.Column("asset_sha256", sa.String(length=64), nullable=False),
        sa.Column("file_url", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Text(), nullable=True),
        sa.Column("uploaded_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["asset_sha256"], ["lab_assets.sha256"], name=op.f("fk_lab_uploads_asset_sha256_lab_assets")
        ),
        sa.PrimaryKeyConstraint("connection", "key_fingerprint", "asset_sha256", name=op.f("pk_lab_uploads")),
    )
    op.create_table(
        "lab_observations",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("question", sa.String(length=48), nullable=False),
        sa.Column("answer", sa.String(length=256), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(), nullable=False),
        sa.Column("last_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "question", "answer", name=op.f("pk_lab_observations")),
    )
