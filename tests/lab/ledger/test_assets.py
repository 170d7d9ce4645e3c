"""Reference images: one file a content, exactly the bytes that were checked."""

from __future__ import annotations

import hashlib
import io

import pytest
from PIL import Image

from rivya_core.api import ReferenceImage
from rivya_core.api.errors import LabError, StorageError
from rivya_core.api.images import check_image
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.media.archive import Archive
from tests.lab.given import added

pytestmark = pytest.mark.database


@pytest.fixture
def image() -> ReferenceImage:
    """A small real picture."""
    buffer = io.BytesIO()
    Image.new("RGB", (640, 360), "orange").save(buffer, "PNG")
    return check_image(buffer.getvalue(), "fox.png")


def test_an_image_comes_back_byte_for_byte(ledger: Ledger, archive: Archive, image: ReferenceImage) -> None:
    """What is sent after a restart is what was checked before it."""
    ledger.assets.store(image, archive)
    back = ledger.assets.load(image.sha256, archive)
    assert (back.data, back.sha256, back.mime, back.name) == (image.data, image.sha256, image.mime, image.name)
    assert (back.width_px, back.height_px) == (640, 360)


def test_the_same_image_is_kept_once(ledger: Ledger, archive: Archive, image: ReferenceImage) -> None:
    """A picture used in many generations is one row and one file; a lost file is written again."""
    for _ in range(3):
        ledger.assets.store(image, archive)
    key = ledger.assets.key(image.sha256)
    assert [path.name for path in (archive.root / "images").rglob("*.*")] == [f"{image.sha256}.png"]
    archive.path(key).unlink()
    ledger.assets.store(image, archive)
    assert archive.get_bytes(key) == image.data
    asset = ledger.assets.find(image.sha256)
    assert asset is not None
    assert (asset.size_bytes, asset.mime, asset.kind) == (len(image.data), "image/png", "image")


def test_a_row_refers_to_its_image(ledger: Ledger, archive: Archive, image: ReferenceImage) -> None:
    """The row knows its picture by hash, and holds none of its bytes."""
    ledger.assets.store(image, archive)
    row = added(ledger, reference_image=image)
    assert row.asset_sha256 == image.sha256
    assert row.request["reference_image"]["sha256"] == hashlib.sha256(image.data).hexdigest()


def test_a_changed_file_is_never_sent(ledger: Ledger, archive: Archive, image: ReferenceImage) -> None:
    """Somebody edited the file in the archive: refused, with the key's name."""
    ledger.assets.store(image, archive)
    archive.path(ledger.assets.key(image.sha256)).write_bytes(b"something else")
    with pytest.raises(StorageError, match="changed"):
        ledger.assets.load(image.sha256, archive)


def test_a_lost_file_and_an_unknown_hash_are_told(ledger: Ledger, archive: Archive, image: ReferenceImage) -> None:
    """Both are sentences, and different ones."""
    ledger.assets.store(image, archive)
    archive.delete(ledger.assets.key(image.sha256))
    with pytest.raises(StorageError, match="gone"):
        ledger.assets.load(image.sha256, archive)
    with pytest.raises(LabError, match="no such image"):
        ledger.assets.load("0" * 64, archive)
    assert ledger.assets.find("0" * 64) is None
