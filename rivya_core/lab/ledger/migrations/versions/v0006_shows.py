"""Shows: what is handed to others, its slides, the clips it holds, ballots and their lines; and the index by which repeats of a generation are found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index and the tables."""
    _shows()
    _ballots()


def _shows() -> None:
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


def _ballots() -> None:
    op.create_table(
        "lab_ballots",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("experiment_id", sa.String(length=48), nullable=False),
        sa.Column("show_id", sa.String(length=48), nullable=True),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("seal_key", sa.String(length=64), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["lab_experiments.id"], name=op.f("fk_lab_ballots_experiment_id_lab_experiments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lab_ballots")),
    )
    op.create_index("ix_lab_ballots_experiment_id", "lab_ballots", ["experiment_id"], unique=False)
    op.create_table(
        "lab_ballot_lines",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("ballot_id", sa.String(length=32), nullable=False),
        sa.Column("voter", sa.String(length=64), nullable=False),
        sa.Column("round_id", sa.String(length=48), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("taken_out_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["ballot_id"], ["lab_ballots.id"], name=op.f("fk_lab_ballot_lines_ballot_id_lab_ballots")
        ),
        sa.ForeignKeyConstraint(
            ["round_id"], ["lab_vote_rounds.id"], name=op.f("fk_lab_ballot_lines_round_id_lab_vote_rounds")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lab_ballot_lines")),
        sa.UniqueConstraint("round_id", name=op.f("uq_lab_ballot_lines_round_id")),
    )
    op.create_index("ix_lab_ballot_lines_ballot_id", "lab_ballot_lines", ["ballot_id", "voter"], unique=True)
