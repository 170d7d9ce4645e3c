"""Cache of uploaded reference images: file URLs shared by all generations of one connection and API key for a short while.

A cached URL is used only for bodies built from now on. A committed body is sent unchanged even if its URL has left the
cache: a create whose outcome is unknown must never be retried with other bytes. A file belongs to the account of its key,
and how long Rivya keeps it is not documented; hence the short lifetime and the key in the cache key.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from rivya_core.api.contract import UploadedFile
from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.ledger.schema import uploads
from rivya_core.lab.ledger.transitions import Transitions

SHARED_FOR: Final = timedelta(minutes=10)


def find(rows: Transitions, server: str, asset_sha256: str) -> UploadedFile | None:
    """Return the cached upload of an image on a connection under the present key, at most ``SHARED_FOR`` old, or None."""
    now = rows.clock()
    query = sa.select(uploads.c.file_url, uploads.c.file_id, uploads.c.uploaded_at).where(
        *_of(rows, server, asset_sha256)
    )
    with rows.reading() as connection:
        row = connection.execute(query).first()
    if row is None or not timedelta() <= now - row.uploaded_at <= SHARED_FOR:
        return None
    return UploadedFile(url=row.file_url, id=row.file_id)


def keep(rows: Transitions, server: str, asset_sha256: str, uploaded: UploadedFile) -> None:
    """Cache an upload for later takes, unless it carries a duration token, which is valid for one upload only."""
    with rows.writing() as connection:
        connection.execute(sa.delete(uploads).where(*_of(rows, server, asset_sha256)))
        if uploaded.duration_token:
            return
        columns = {
            "connection": server,
            "key_fingerprint": _key(rows),
            "asset_sha256": asset_sha256,
            "file_url": uploaded.url,
            "file_id": uploaded.id,
            "uploaded_at": rows.clock(),
        }
        connection.execute(sa.insert(uploads).values(**columns))


def forget(rows: Transitions, row: GenerationRecord) -> None:
    """Evict the file of a generation that Rivya refused or failed, since the file may be the reason."""
    if row.file_url is not None:
        sent_with = [uploads.c.connection == row.connection, uploads.c.file_url == row.file_url]
        with rows.writing() as connection:
            connection.execute(sa.delete(uploads).where(*sent_with))


def _of(rows: Transitions, server: str, asset_sha256: str) -> list[sa.ColumnElement[bool]]:
    column = uploads.c
    return [
        column.connection == server,
        column.key_fingerprint == _key(rows),
        column.asset_sha256 == asset_sha256,
    ]


def _key(rows: Transitions) -> str:
    return rows.key_fingerprint or ""
