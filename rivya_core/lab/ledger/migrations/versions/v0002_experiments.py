"""Experiments: their cells and takes, reviews, blind votes, measured features; balances over time and changed caps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _generations()
    _experiments()
    _judging()
    _ballots()
    _money()


def _generations() -> None:
    op.add_column("lab_generations", sa.Column("experiment_id", sa.String(length=48), nullable=True))
    op.create_index(
        "ix_lab_generations_experiment_id", "lab_generations", ["experiment_id", "state", "held_credits"], unique=False
    )
    op.drop_index("ix_lab_generations_cap", "lab_generations")
    op.create_index(
        "ix_lab_generations_spent",
        "lab_generations",
        ["mode", "cap_day", "experiment_id", "model", "state", "settlement", "source", "held_credits"],
        unique=False,
    )


def _experiments() -> None:
    op.create_table(
        "lab_experiments",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("cells", sa.Integer(), nullable=False),
        sa.Column("takes", sa.Integer(), nullable=False),
        sa.Column("cap_credits", sa.Integer(), nullable=True),
        sa.Column("quoted_credits", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.String(length=48), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("paused_at", sa.DateTime(), nullable=True),
        sa.Column("decision", sa.JSON(), nullable=True),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lab_experiments")),
    )
    op.create_index("ix_lab_experiments_created_at", "lab_experiments", ["created_at"], unique=False)
    op.create_table(
        "lab_cells",
        sa.Column("experiment_id", sa.String(length=48), nullable=False),
        sa.Column("cell", sa.Integer(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("request_sha256", sa.String(length=64), nullable=False),
        sa.Column("asset_sha256", sa.String(length=64), nullable=True),
        sa.Column("expected_credits", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["asset_sha256"], ["lab_assets.sha256"], name=op.f("fk_lab_cells_asset_sha256_lab_assets")
        ),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["lab_experiments.id"], name=op.f("fk_lab_cells_experiment_id_lab_experiments")
        ),
        sa.PrimaryKeyConstraint("experiment_id", "cell", name=op.f("pk_lab_cells")),
    )
    op.create_table(
        "lab_cell_takes",
        sa.Column("experiment_id", sa.String(length=48), nullable=False),
        sa.Column("cell", sa.Integer(), nullable=False),
        sa.Column("take", sa.Integer(), nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=True),
        sa.Column("reused", sa.Boolean(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["lab_experiments.id"], name=op.f("fk_lab_cell_takes_experiment_id_lab_experiments")
        ),
        sa.ForeignKeyConstraint(
            ["generation_id"], ["lab_generations.id"], name=op.f("fk_lab_cell_takes_generation_id_lab_generations")
        ),
        sa.PrimaryKeyConstraint("experiment_id", "cell", "take", name=op.f("pk_lab_cell_takes")),
    )
    op.create_index("ix_lab_cell_takes_generation_id", "lab_cell_takes", ["generation_id"], unique=False)


def _judging() -> None:
    op.create_table(
        "lab_clip_notes",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column("at_s", sa.Float(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["generation_id"], ["lab_generations.id"], name=op.f("fk_lab_clip_notes_generation_id_lab_generations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lab_clip_notes")),
    )
    op.create_index("ix_lab_clip_notes_generation_id", "lab_clip_notes", ["generation_id", "at_s"], unique=False)
    op.create_table(
        "lab_features",
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("took_s", sa.Float(), nullable=False),
        sa.Column("measured_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["generation_id"], ["lab_generations.id"], name=op.f("fk_lab_features_generation_id_lab_generations")
        ),
        sa.PrimaryKeyConstraint("generation_id", "version", name=op.f("pk_lab_features")),
    )
    op.create_table(
        "lab_ratings",
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column("criterion", sa.String(length=32), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("rated_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["generation_id"], ["lab_generations.id"], name=op.f("fk_lab_ratings_generation_id_lab_generations")
        ),
        sa.PrimaryKeyConstraint("generation_id", "criterion", "author", name=op.f("pk_lab_ratings")),
    )


def _ballots() -> None:
    op.create_table(
        "lab_vote_rounds",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("experiment_id", sa.String(length=48), nullable=False),
        sa.Column("voter", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["lab_experiments.id"], name=op.f("fk_lab_vote_rounds_experiment_id_lab_experiments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lab_vote_rounds")),
    )
    op.create_index("ix_lab_vote_rounds_experiment_id", "lab_vote_rounds", ["experiment_id"], unique=False)
    op.create_table(
        "lab_vote_pairs",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("round_id", sa.String(length=48), nullable=False),
        sa.Column("left_token", sa.String(length=32), nullable=False),
        sa.Column("right_token", sa.String(length=32), nullable=False),
        sa.Column("left_cell", sa.Integer(), nullable=False),
        sa.Column("right_cell", sa.Integer(), nullable=False),
        sa.Column("left_generation_id", sa.String(length=64), nullable=False),
        sa.Column("right_generation_id", sa.String(length=64), nullable=False),
        sa.Column("shown_at", sa.DateTime(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("whys", sa.JSON(), nullable=False),
        sa.Column("voted_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["left_generation_id"],
            ["lab_generations.id"],
            name=op.f("fk_lab_vote_pairs_left_generation_id_lab_generations"),
        ),
        sa.ForeignKeyConstraint(
            ["right_generation_id"],
            ["lab_generations.id"],
            name=op.f("fk_lab_vote_pairs_right_generation_id_lab_generations"),
        ),
        sa.ForeignKeyConstraint(
            ["round_id"], ["lab_vote_rounds.id"], name=op.f("fk_lab_vote_pairs_round_id_lab_vote_rounds")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lab_vote_pairs")),
        sa.UniqueConstraint("left_token", name=op.f("uq_lab_vote_pairs_left_token")),
        sa.UniqueConstraint("right_token", name=op.f("uq_lab_vote_pairs_right_token")),
    )
    op.create_index("ix_lab_vote_pairs_round_id", "lab_vote_pairs", ["round_id", "id"], unique=False)


def _money() -> None:
    op.create_table(
        "lab_balances",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("credits", sa.Integer(), nullable=False),
        sa.Column("booked_credits", sa.Integer(), nullable=False),
        sa.Column("open_credits", sa.Integer(), nullable=False),
        sa.Column("key_fingerprint", sa.String(length=16), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lab_balances")),
    )
    op.create_index("ix_lab_balances_connection", "lab_balances", ["connection", "asked_at"], unique=False)
    op.create_table(
        "lab_cap_changes",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("cap", sa.String(length=80), nullable=False),
        sa.Column("before_credits", sa.Integer(), nullable=True),
        sa.Column("after_credits", sa.Integer(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lab_cap_changes")),
    )
    op.create_index("ix_lab_cap_changes_at", "lab_cap_changes", ["at"], unique=False)
