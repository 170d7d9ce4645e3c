"""Addresses of uploaded reference images, which serve all generations of one connection and key for a short while.

An address goes only into bodies that are built from now on. What a generation has committed is sent as it is, whatever
stands here by then: a create whose answer was lost must never meet the server with other bytes. A file belongs to the
account of its key and to its server, and how long it is kept there is not documented, so neither is taken for granted.
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
    """The young address of an image at a connection, under the present key, or None."""
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
    """Keep the address of an image for the takes that follow. A duration token belongs to one upload, so that is not shared."""
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
    """Use the file that a generation was sent with for no other one: Rivya refused what names it, or failed to make a clip of it."""
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
