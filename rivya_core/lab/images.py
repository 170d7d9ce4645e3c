"""Reference images of generations: one file and one row a content, however often it is used."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from rivya_core.api import ReferenceImage
from rivya_core.api.errors import LabError, StorageError
from rivya_core.lab.archive import Archive
from rivya_core.lab.passage import Passage
from rivya_core.lab.read_only import refuse_writes
from rivya_core.lab.schema import assets

SUFFIXES: Final = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One stored input file; ``sha256`` is that of the bytes as they are sent, ``archive_key`` where they are."""

    sha256: str
    created_at: datetime
    kind: str
    mime: str
    size_bytes: int
    width_px: int | None
    height_px: int | None
    name: str
    archive_key: str


class Images(Passage):
    """The ledger's side of reference images."""

    def store_image(self, image: ReferenceImage, archive: Archive) -> None:
        """Keep the bytes of a reference image, once; a file that was lost is written again.

        Raises:
            StorageError: the archive cannot be written. LabError: this process is read-only.
        """
        refuse_writes(self.database)
        key = f"images/{image.sha256[:2]}/{image.sha256}.{SUFFIXES.get(image.mime, 'bin')}"
        if not archive.path(key).is_file():
            archive.put_bytes(key, image.data)
        if self.asset(image.sha256) is not None:
            return
        with self.writing() as connection:
            if self._asset(connection, image.sha256) is None:
                row = Asset(
                    sha256=image.sha256,
                    created_at=self.clock(),
                    kind="image",
                    mime=image.mime,
                    size_bytes=len(image.data),
                    width_px=image.width_px,
                    height_px=image.height_px,
                    name=image.name,
                    archive_key=key,
                )
                values = {name: getattr(row, name) for name in Asset.__slots__}
                connection.execute(sa.insert(assets).values(**values))

    def load_image(self, sha256: str, archive: Archive) -> ReferenceImage:
        """The reference image with exactly the bytes that were stored.

        Raises:
            LabError: no such image. StorageError: its file is gone or was changed.
        """
        asset = self._known_asset(sha256)
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

    def image_key(self, sha256: str) -> str:
        """The archive key of a reference image. Raises LabError for an unknown hash."""
        return self._known_asset(sha256).archive_key

    def asset(self, sha256: str) -> Asset | None:
        """What is known of a stored image, or None."""
        with self.reading() as connection:
            return self._asset(connection, sha256)

    def _asset(self, connection: sa.Connection, sha256: str) -> Asset | None:
        columns = [assets.c[name] for name in Asset.__slots__]
        row = connection.execute(sa.select(*columns).where(assets.c.sha256 == sha256)).first()
        return None if row is None else Asset(*row)

    def _known_asset(self, sha256: str) -> Asset:
        asset = self.asset(sha256)
        if asset is None:
            raise LabError(
                "There is no such image", f"The hash {sha256[:16]}… is not in this data folder.", field="sha256"
            )
        return asset
