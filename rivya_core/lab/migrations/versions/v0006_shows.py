"""Shows: what is handed to others, its slides, and the clips it holds; and the index by which repeats of a generation are found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index and the tables."""
    op.create_index("ix_lab_generations_parent_id", "lab_generations", ["parent_id", "seq"], unique=False)
    op.create_table(
        "lab_shows",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("sweep_id", sa.String(length=48), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("offered", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["sweep_id"], ["lab_experiments.id"], name=op.f("fk_lab_shows_sweep_id_lab_experiments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lab_shows")),
    )
    op.create_index("ix_lab_shows_created_at", "lab_shows", ["deleted_at", "created_at"], unique=False)
    op.create_table(
        "lab_show_clips",
        sa.Column("show_id", sa.String(length=48), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column("archive_key", sa.Text(), nullable=False),
        sa.Column("poster_key", sa.Text(), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["show_id"], ["lab_shows.id"], name=op.f("fk_lab_show_clips_show_id_lab_shows")),
        sa.ForeignKeyConstraint(
            ["generation_id"], ["lab_generations.id"], name=op.f("fk_lab_show_clips_generation_id_lab_generations")
        ),
        sa.PrimaryKeyConstraint("show_id", "sha256", name=op.f("pk_lab_show_clips")),
    )
    op.create_index("ix_lab_show_clips_sha256", "lab_show_clips", ["sha256"], unique=False)
    op.create_table(
        "lab_show_slides",
        sa.Column("show_id", sa.String(length=48), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("layout", sa.String(length=16), nullable=False),
        sa.Column("caption", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("clips", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["show_id"], ["lab_shows.id"], name=op.f("fk_lab_show_slides_show_id_lab_shows")),
        sa.PrimaryKeyConstraint("show_id", "number", name=op.f("pk_lab_show_slides")),
    )
