"""What History is filtered and ordered by, in columns and indexes: a filter or an order opens only the rows that it shows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from rivya_core.lab.ledger.history.param_columns import PARAM_KEYS, column_name, plain

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLE = "lab_generations"
LISTED = (
    *("seq", "deleted_at", "mode", "state", "starred", "created_at", "model"),
    *("param_cfg_scale", "param_duration", "param_aspect_ratio", "experiment_id"),
)
ORDERED = {
    "state": "state",
    "model": "model",
    "cfg_scale": "param_cfg_scale",
    "duration": "param_duration",
    "aspect_ratio": "param_aspect_ratio",
    "credits": "held_credits",
    "length": "clip_duration_s",
    "took": "took_s",
}
TOOK = {
    "sqlite": "CAST(strftime('%s', finished_at) AS INTEGER) - CAST(strftime('%s', created_at) AS INTEGER)) VIRTUAL",
    "postgresql": "CAST(EXTRACT(epoch FROM finished_at - created_at) AS double precision)) STORED",
}


def upgrade() -> None:
    """Add the columns and fill them, make the indexes, then write the numbers alike."""
    kind = op.get_context().dialect.name
    took = f"ADD COLUMN took_s {'FLOAT' if kind == 'sqlite' else 'double precision'} GENERATED ALWAYS AS ({TOOK[kind]}"
    if kind == "postgresql":
        _fill_on_postgresql(took)
    else:
        _fill_on_sqlite(took)
    op.drop_index("ix_lab_generations_listed", TABLE)
    op.create_index("ix_lab_generations_listed", TABLE, list(LISTED), unique=False)
    for name, column in ORDERED.items():
        covered = ["state"] if name == "credits" else []  # what failed cost nothing, and stands at the very end
        op.create_index(f"ix_lab_generations_by_{name}", TABLE, [column, "seq", "deleted_at", *covered], unique=False)
    op.create_index(
        "ix_lab_generations_starred",
        TABLE,
        ["seq", "deleted_at"],
        unique=False,
        sqlite_where=sa.text("starred = 1"),
        postgresql_where=sa.text("starred"),
    )
    for name in PARAM_KEYS:  # last: each value is found by its index, however many there are
        _write_alike(column_name(name))


def _fill_on_postgresql(took: str) -> None:
    """Write the table anew, once, with values that it computes itself; those of the parameters are ordinary ones afterwards."""
    op.execute("SET LOCAL statement_timeout = 0")  # one statement is as long as the table is large
    computed = []
    for name, keys in PARAM_KEYS.items():
        texts = ", ".join(f"request -> 'params' ->> '{key}'" for key in keys)
        expression = f"left(coalesce({texts}), 64)"
        computed.append(f"ADD COLUMN {column_name(name)} varchar(64) GENERATED ALWAYS AS ({expression}) STORED")
    op.execute(f"ALTER TABLE {TABLE} {', '.join(computed)}, {took}")
    plainly = ", ".join(f"ALTER COLUMN {column_name(name)} DROP EXPRESSION" for name in PARAM_KEYS)
    op.execute(f"ALTER TABLE {TABLE} {plainly}")


def _fill_on_sqlite(took: str) -> None:
    """Write each row once. A request that cannot be read has no parameters."""
    for name in PARAM_KEYS:
        op.add_column(TABLE, sa.Column(column_name(name), sa.String(length=64), nullable=True))
    op.execute(f"ALTER TABLE {TABLE} {took}")
    rows = sa.table(TABLE, sa.column("request"), *(sa.column(column_name(name)) for name in PARAM_KEYS))
    found: dict[str, sa.ColumnElement[str]] = {}
    for name, keys in PARAM_KEYS.items():
        texts = [sa.func.json_extract(rows.c.request, f"$.params.{key}") for key in keys]
        found[column_name(name)] = sa.func.substr(sa.cast(sa.func.coalesce(*texts, sa.null()), sa.Text), 1, 64)
    op.execute(sa.update(rows).where(sa.func.json_valid(rows.c.request)).values(found))


def _write_alike(name: str) -> None:
    """Write a number in one way only, as new rows have it."""
    column = sa.column(name, sa.String)
    rows = sa.table(TABLE, column)
    connection = op.get_bind()
    for value in connection.execute(sa.select(column).where(column.is_not(None)).distinct()).scalars().all():
        if plain(value) != value:
            connection.execute(sa.update(rows).where(column == value).values({name: plain(value)}))
