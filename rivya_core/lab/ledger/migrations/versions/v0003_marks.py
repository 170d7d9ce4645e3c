"""What makes two requests the same for reuse, and marks beside the state: same task, no longer watched, how whole a clip is."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BATCH = 1000

_AS_STORED = sa.Text()  # read as it stands: one damaged value must not keep a folder from opening

_generations = sa.table(
    "lab_generations", sa.column("seq"), sa.column("request", _AS_STORED), sa.column("reuse_sha256", sa.String(64))
)
_cells = sa.table(
    "lab_cells",
    sa.column("experiment_id"),
    sa.column("cell"),
    sa.column("request", _AS_STORED),
    sa.column("reuse_sha256", sa.String(64)),
)


def upgrade() -> None:
    """Add the columns, all of which may be empty, and say of every row what it asked for."""
    op.add_column("lab_generations", sa.Column("reuse_sha256", sa.String(length=64), nullable=True))
    op.add_column("lab_generations", sa.Column("duplicate_of", sa.String(length=64), nullable=True))
    op.add_column("lab_generations", sa.Column("unwatched_at", sa.DateTime(), nullable=True))
    op.add_column("lab_generations", sa.Column("clip_check", sa.String(length=16), nullable=True))
    op.add_column("lab_generations", sa.Column("clip_fault", sa.Text(), nullable=True))
    op.add_column("lab_cells", sa.Column("reuse_sha256", sa.String(length=64), nullable=True))
    connection = op.get_bind()
    _mark_generations(connection)
    _mark_cells(connection)
    op.create_index("ix_lab_generations_reuse_sha256", "lab_generations", ["reuse_sha256"], unique=False)


def _mark_generations(connection: sa.Connection) -> None:
    column, last = _generations.c, 0
    put = sa.update(_generations).where(column.seq == sa.bindparam("of_seq")).values(reuse_sha256=sa.bindparam("hash"))
    read = sa.select(column.seq, column.request).order_by(column.seq).limit(BATCH)
    while rows := connection.execute(read.where(column.seq > last)).all():
        last = rows[-1].seq
        connection.execute(put, [{"of_seq": row.seq, "hash": _reuse_hash(row.request)} for row in rows])


def _mark_cells(connection: sa.Connection) -> None:
    column = _cells.c
    put = (
        sa.update(_cells)
        .where(column.experiment_id == sa.bindparam("of_id"), column.cell == sa.bindparam("of_cell"))
        .values(reuse_sha256=sa.bindparam("hash"))
    )
    for id_ in connection.execute(sa.select(column.experiment_id).distinct()).scalars().all():
        rows = connection.execute(sa.select(column.cell, column.request).where(column.experiment_id == id_)).all()
        connection.execute(put, [{"of_id": id_, "of_cell": row.cell, "hash": _reuse_hash(row.request)} for row in rows])


def _reuse_hash(stored: object) -> str | None:
    """What ``rivya_core.api.texts.reuse_hash`` gave when this revision was written; None for what is no request."""
    try:
        return _hash(json.loads(stored) if isinstance(stored, str | bytes) else stored)
    except (ValueError, TypeError, AttributeError):
        return None


def _hash(canonical: object) -> str | None:
    if not isinstance(canonical, Mapping):
        return None
    asked = {key: value for key, value in canonical.items() if key != "client_request_id"}
    asked["prompt"] = _same(asked.get("prompt"))
    asked["params"] = {key: _same(value) for key, value in (asked.get("params") or {}).items()}
    image = asked.get("reference_image")
    if image:
        asked["reference_image"] = {key: value for key, value in image.items() if key != "name"}
    text = json.dumps(asked, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _same(value: object) -> object:
    if not isinstance(value, str):
        return value
    return unicodedata.normalize("NFC", value).replace("\r\n", "\n").replace("\r", "\n").strip()
