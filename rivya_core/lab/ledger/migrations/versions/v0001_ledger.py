"""The ledger: assets, generations, their timeline, credit movements, notes, and the full-text index over prompts."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _assets()
    _generations()
    _events()
    _movements()
    _settings()
    if op.get_context().dialect.name == "sqlite":
        _full_text()


def _assets() -> None:
    op.create_table(
        "lab_assets",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("mime", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=True),
        sa.Column("height_px", sa.Integer(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("archive_key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_lab_assets")),
    )


def _request_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("intent_id", sa.String(length=48), nullable=False),
        sa.Column("take", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.String(length=64), nullable=True),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("key_fingerprint", sa.String(length=16), nullable=True),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("negative_prompt", sa.Text(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("request_sha256", sa.String(length=64), nullable=False),
        sa.Column("asset_sha256", sa.String(length=64), nullable=True),
    ]


def _exchange_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("idempotency_key", sa.String(length=128), nullable=False),
        sa.Column("client_request_id", sa.String(length=128), nullable=True),
        sa.Column("file_url", sa.Text(), nullable=True),
        sa.Column("file_id", sa.Text(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("body_sha256", sa.String(length=64), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("open_attempts", sa.Integer(), nullable=False),
        sa.Column("first_attempt_at", sa.DateTime(), nullable=True),
        sa.Column("task_id", sa.Text(), nullable=True),
        sa.Column("task_status", sa.String(length=64), nullable=True),
        sa.Column("result_url", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("expected_credits", sa.Integer(), nullable=False),
        sa.Column("reserved_credits", sa.Integer(), nullable=True),
        sa.Column("final_credits", sa.Integer(), nullable=True),
        sa.Column("held_credits", sa.Integer(), nullable=False),
        sa.Column("settlement", sa.String(length=16), nullable=False),
        sa.Column("cap_day", sa.String(length=10), nullable=False),
    ]


def _clip_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("clip_key", sa.Text(), nullable=True),
        sa.Column("poster_key", sa.Text(), nullable=True),
        sa.Column("clip_sha256", sa.String(length=64), nullable=True),
        sa.Column("clip_bytes", sa.Integer(), nullable=True),
        sa.Column("clip_width_px", sa.Integer(), nullable=True),
        sa.Column("clip_height_px", sa.Integer(), nullable=True),
        sa.Column("clip_duration_s", sa.Float(), nullable=True),
        sa.Column("clip_fps", sa.Float(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(), nullable=True),
        sa.Column("processing_at", sa.DateTime(), nullable=True),
        sa.Column("ready_at", sa.DateTime(), nullable=True),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.Column("next_action_at", sa.DateTime(), nullable=True),
        sa.Column("starred", sa.Boolean(), nullable=False),
        sa.Column("dismissed_at", sa.DateTime(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
    ]


def _generations() -> None:
    op.create_table(
        "lab_generations",
        *_request_columns(),
        *_exchange_columns(),
        *_clip_columns(),
        sa.ForeignKeyConstraint(
            ["asset_sha256"], ["lab_assets.sha256"], name=op.f("fk_lab_generations_asset_sha256_lab_assets")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_lab_generations")),
        sa.UniqueConstraint("id", name=op.f("uq_lab_generations_id")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_lab_generations_idempotency_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_lab_generations_cap", "lab_generations", ["mode", "cap_day", "held_credits"], unique=False)
    op.create_index("ix_lab_generations_finished", "lab_generations", ["mode", "finished_at"], unique=False)
    op.create_index("ix_lab_generations_intent_id", "lab_generations", ["intent_id"], unique=False)
    op.create_index(
        "ix_lab_generations_listed",
        "lab_generations",
        ["deleted_at", "seq", "mode", "state", "starred", "created_at"],
        unique=False,
    )
    op.create_index(
        "ix_lab_generations_next_action_at", "lab_generations", ["connection", "next_action_at"], unique=False
    )
    op.create_index("ix_lab_generations_request_sha256", "lab_generations", ["request_sha256"], unique=False)
    op.create_index(
        "ix_lab_generations_sent",
        "lab_generations",
        ["connection", "state", "first_attempt_at", "held_credits"],
        unique=False,
    )
    op.create_index(
        "ix_lab_generations_state",
        "lab_generations",
        ["state", "deleted_at", "dismissed_at", "mode"],
        unique=False,
    )
    op.create_index("ix_lab_generations_task_id", "lab_generations", ["task_id"], unique=False)


def _events() -> None:
    op.create_table(
        "lab_events",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["generation_id"], ["lab_generations.id"], name=op.f("fk_lab_events_generation_id_lab_generations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lab_events")),
    )
    op.create_index("ix_lab_events_generation_id", "lab_events", ["generation_id", "id"], unique=False)


def _movements() -> None:
    op.create_table(
        "lab_movements",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("generation_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("credits", sa.Integer(), nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["generation_id"], ["lab_generations.id"], name=op.f("fk_lab_movements_generation_id_lab_generations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lab_movements")),
    )
    op.create_index("ix_lab_movements_generation_id", "lab_movements", ["generation_id"], unique=False)
    op.create_index("ix_lab_movements_mode_at", "lab_movements", ["mode", "at"], unique=False)


def _settings() -> None:
    op.create_table(
        "lab_settings",
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lab_settings")),
    )


def _full_text() -> None:
    """An index beside the table (external content), kept in step by triggers.

    Combining marks are parts of words (categories Mn and Mc): without them Bengali and other Indic words fall to pieces.
    """
    op.execute(
        """
        CREATE VIRTUAL TABLE lab_prompts_fts USING fts5(
            prompt, negative_prompt, content='lab_generations', content_rowid='seq', prefix='2 3',
            tokenize="unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
        )
        """
    )
    new = "INSERT INTO lab_prompts_fts (rowid, prompt, negative_prompt) VALUES (new.seq, new.prompt, new.negative_prompt);"
    old = (
        "INSERT INTO lab_prompts_fts (lab_prompts_fts, rowid, prompt, negative_prompt) "
        "VALUES ('delete', old.seq, old.prompt, old.negative_prompt);"
    )
    for name, event, statements in (
        ("insert", "INSERT", new),
        ("delete", "DELETE", old),
        ("update", "UPDATE OF seq, prompt, negative_prompt", old + new),
    ):
        op.execute(f"CREATE TRIGGER lab_prompts_fts_{name} AFTER {event} ON lab_generations BEGIN {statements} END")
