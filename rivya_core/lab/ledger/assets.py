"""Reference images of generations, deduplicated by content: one file and one row per SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.api import ReferenceImage
from rivya_core.api.errors import LabError, StorageError
from rivya_core.api.images import describe_changes
from rivya_core.lab.ledger.database import begin_immediate, reading
from rivya_core.lab.ledger.read_only import refuse_writes
from rivya_core.lab.ledger.schema import assets
from rivya_core.lab.ledger.transitions import Transitions
from rivya_core.lab.media.archive import Archive

SUFFIXES: Final = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One stored input file; ``sha256`` is that of the bytes as they are sent, ``archive_key`` where they are.

    ``origin``: of the file that was chosen ``sha256``, ``name`` and ``size_bytes``, and ``changes``, what was done to it, in
    words; None where nobody recorded it.
    """

    sha256: str
    created_at: datetime
    kind: str
    mime: str
    size_bytes: int
    width_px: int | None
    height_px: int | None
    name: str
    archive_key: str
    origin: Mapping[str, Any] | None = None

    @property
    def told(self) -> str:
        """What was done to the chosen file, with the sizes; empty when unknown."""
        origin = self.origin
        if not origin:
            return ""
        return describe_changes(
            tuple(origin["changes"]),
            original_sha256=origin["sha256"],
            original_bytes=origin["size_bytes"],
            sha256=self.sha256,
            size_bytes=self.size_bytes,
        )


def small_key(sha256: str) -> str:
    """Return the archive key of an image's thumbnail; not every image has one."""
    return f"images/{sha256[:2]}/{sha256}.small.jpg"


class Assets:
    """The ledger's side of reference images."""

    def __init__(self, rows: Transitions) -> None:
        self._rows = rows

    def store(self, image: ReferenceImage, archive: Archive) -> None:
        """Store the bytes of a reference image, once, with what was done to the chosen file; a missing file is written again.

        Raises:
            StorageError: the archive cannot be written. LabError: this process is read-only.
        """
        refuse_writes(self._rows.database)
        key = f"images/{image.sha256[:2]}/{image.sha256}.{SUFFIXES.get(image.mime, 'bin')}"
        if not archive.exists(key):
            archive.put_bytes(key, image.data)
        origin = _origin(image)
        if not _tells_more(origin, self.find(image.sha256)):
            return
        with begin_immediate(self._rows.database) as connection:
            stored = self._asset(connection, image.sha256)
            if stored is not None:
                if _tells_more(origin, stored):
                    mine = assets.c.sha256 == image.sha256
                    connection.execute(sa.update(assets).where(mine).values(origin=origin))
                return
            row = Asset(
                sha256=image.sha256,
                created_at=self._rows.clock(),
                kind="image",
                mime=image.mime,
                size_bytes=len(image.data),
                width_px=image.width_px,
                height_px=image.height_px,
                name=image.name,
                archive_key=key,
                origin=origin,
            )
            values = {name: getattr(row, name) for name in Asset.__slots__}
            connection.execute(sa.insert(assets).values(**values))

    def load(self, sha256: str, archive: Archive) -> ReferenceImage:
        """Return the reference image with exactly the bytes that were stored.

        Raises:
            LabError: no such image. StorageError: its file is gone or was changed.
        """
        asset = self._must_find(sha256)
        data = archive.get_bytes(asset.archive_key)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise StorageError(
                "A reference image was changed on disk",
                f"{asset.archive_key} does not hold the bytes it was stored with.",
                "Restore the data folder from its backup, or submit the image again. Nothing was sent.",
                field="archive",
            )
        return ReferenceImage(
            data=data,
            sha256=sha256,
            mime=asset.mime,
            name=asset.name,
            width_px=asset.width_px or 0,
            height_px=asset.height_px or 0,
            original_bytes=len(data),
            original_name=asset.name,
            changes=(),
        )

    def key(self, sha256: str) -> str:
        """Return the archive key of a reference image. Raises LabError for an unknown hash."""
        return self._must_find(sha256).archive_key

    def find(self, sha256: str) -> Asset | None:
        """Return the record of a stored image, or None."""
        with reading(self._rows.database) as connection:
            return self._asset(connection, sha256)

    def newest(self, limit: int) -> Sequence[Asset]:
        """Return the most recently stored images, newest first."""
        query = sa.select(*_COLUMNS).where(assets.c.kind == "image")
        with reading(self._rows.database) as connection:
            rows = connection.execute(query.order_by(assets.c.created_at.desc(), assets.c.sha256).limit(limit))
            return [Asset(*row) for row in rows]

    def _asset(self, connection: sa.Connection, sha256: str) -> Asset | None:
        row = connection.execute(sa.select(*_COLUMNS).where(assets.c.sha256 == sha256)).first()
        return None if row is None else Asset(*row)

    def _must_find(self, sha256: str) -> Asset:
        asset = self.find(sha256)
        if asset is None:
            raise LabError(
                "There is no such image", f"The hash {sha256[:16]}… is not in this data folder.", field="sha256"
            )
        return asset


_COLUMNS: Final = [assets.c[name] for name in Asset.__slots__]


def _origin(image: ReferenceImage) -> dict[str, Any] | None:
    if not image.original_sha256:
        return None
    return {
        "sha256": image.original_sha256,
        "name": image.original_name,
        "size_bytes": image.original_bytes,
        "changes": list(image.changes),
    }


def _tells_more(origin: Mapping[str, Any] | None, stored: Asset | None) -> bool:
    """The first recorded origin stays, except "unchanged": bytes that were also derived from another file are not "as chosen"."""
    if stored is None or origin is None:
        return stored is None
    return stored.origin is None or (stored.origin["sha256"] == stored.sha256 != origin["sha256"])
