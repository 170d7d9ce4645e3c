"""Check a reference image and prepare it for sending: upright, in sRGB, without metadata.

The content decides about the type, not the file name (docs/api-files). By default the pixels are re-encoded, so that no GPS
position, thumbnail or editing history is sent; ``send_original`` keeps the bytes. Pillow is imported inside functions only;
decoding and encoding are in ``pixels``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from weakref import WeakSet

from rivya_core.api.contract import MB
from rivya_core.api.framing import Frame
from rivya_core.api.image_rules import IMAGE_MAX_BYTES, SOURCE_MAX_BYTES, check_signature, refuse, too_big
from rivya_core.api.signatures import HEAD_BYTES, sniff

_KB_BELOW_BYTES = 100_000
_SUFFIX = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}


@dataclass(frozen=True, slots=True, weakref_slot=True)
class ReferenceImage:
    """An image that passed the checks. ``data`` is exactly what is sent; ``sha256`` is its hash in hex.

    ``name`` is the neutral name that goes to Rivya; ``original_name``, ``original_bytes`` and ``original_sha256`` describe
    the given file (empty hash: not known any more). ``changes`` are sentences on what was done to it.
    """

    data: bytes
    sha256: str
    mime: str
    name: str
    width_px: int
    height_px: int
    original_bytes: int
    original_name: str
    changes: tuple[str, ...] = ()
    original_sha256: str = ""

    @property
    def told(self) -> str:
        """What was done to the given file, with sizes; "sent unchanged" only if the bytes are identical."""
        return describe_changes(
            self.changes,
            original_sha256=self.original_sha256,
            original_bytes=self.original_bytes,
            sha256=self.sha256,
            size_bytes=len(self.data),
        )

    def __repr__(self) -> str:
        return (
            f"ReferenceImage({self.name!r}, {self.width_px}x{self.height_px} px, "
            f"{len(self.data)} bytes, sha256={self.sha256[:12]})"
        )


_verified: WeakSet[ReferenceImage] = WeakSet()
"""Size of the cache of verified images: a sweep passes the same one to a thousand requests."""


def check_image(data: bytes, name: str = "reference-image", *, send_original: bool = False) -> ReferenceImage:
    """Check an image by its content and return it as it will be sent.

    By default it is turned upright, its colours are converted to sRGB and all metadata is dropped; with
    ``send_original`` the bytes stay as they are. Limits: jpeg, png or webp, 10 MB as sent (docs/api-files).

    Raises:
        InvalidRequestError: ``field`` "reference_image", ``code`` "too_big" (:func:`shrink_image` may take it), "not_an_image",
            "unsupported", "truncated" or "too_many_pixels"; detail and hint are for people.
    """
    from rivya_core.api import pixels  # noqa: PLC0415 - Pillow is heavy

    mime = check_signature(data)
    if send_original:
        if len(data) > IMAGE_MAX_BYTES:
            raise too_big(len(data))
        width_px, height_px = pixels.measure(data, mime)
        return _image(data, mime, name, data, (width_px, height_px), ())
    result = pixels.clean(data, mime, IMAGE_MAX_BYTES)
    if result.size_bytes > IMAGE_MAX_BYTES:
        raise too_big(result.size_bytes)
    return _image(result.data, result.mime, name, data, (result.width_px, result.height_px), result.changes)


def shrink_image(data: bytes, name: str = "reference-image", *, frame: Frame | None = None) -> ReferenceImage:
    """Return a smaller copy that fits the limit: fewer pixels, then a lower quality; upright and without metadata.

    With ``frame`` it is cropped or padded to an aspect ratio, and scaled only where it has to be.

    Raises:
        InvalidRequestError: as :func:`check_image`, except that size alone is no reason.
    """
    from rivya_core.api import pixels  # noqa: PLC0415 - Pillow is heavy

    mime = check_signature(data)
    result = pixels.shrink(data, mime, IMAGE_MAX_BYTES, frame)
    if result.size_bytes > IMAGE_MAX_BYTES:
        raise too_big(result.size_bytes)
    return _image(result.data, result.mime, name, data, (result.width_px, result.height_px), result.changes)


def thumbnail(image: ReferenceImage) -> bytes:
    """Return a small JPEG of a checked image, for lists."""
    from rivya_core.api import pixels  # noqa: PLC0415 - Pillow is heavy

    return pixels.thumbnail(image.data, image.mime)


def read_image_file(path: Path) -> bytes:
    """Read an image file, at most ``SOURCE_MAX_BYTES``.

    Raises:
        InvalidRequestError: the file cannot be read, or is larger than that.
    """
    try:
        with path.open("rb") as file:
            data = file.read(SOURCE_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "its path is not usable"
        raise refuse("not_an_image", f"The file cannot be read: {reason}", "Check the path") from error
    return data


def verify_image(image: ReferenceImage) -> None:
    """Check that a ReferenceImage is consistent: hash, type and size. Anybody could have built or changed one.

    Raises:
        InvalidRequestError: it is not.
    """
    if image in _verified:
        return
    if hashlib.sha256(image.data).hexdigest() != image.sha256 or sniff(image.data[:HEAD_BYTES]) != image.mime:
        raise refuse("not_an_image", "The bytes do not belong to this image's description", "Check it with check_image")
    check_signature(image.data)
    if len(image.data) > IMAGE_MAX_BYTES:
        raise too_big(len(image.data))
    _verified.add(image)


def file_size(size_bytes: int) -> str:
    """Format a file size; small ones in kB, so that none reads as 0 MB."""
    return f"{size_bytes / 1e3:.1f} kB" if size_bytes < _KB_BELOW_BYTES else f"{size_bytes / MB:.2f} MB"


def describe_changes(
    changes: tuple[str, ...], *, original_sha256: str, original_bytes: int, sha256: str, size_bytes: int
) -> str:
    """Return a sentence on what was done to a chosen file, with sizes; "unchanged" only if the bytes are identical."""
    if original_sha256 == sha256:
        return "sent unchanged"
    sizes = _sizes(original_bytes, size_bytes) if original_sha256 and size_bytes else ""
    return ", ".join(part for part in (sizes, *changes) if part)


def _sizes(before_bytes: int, after_bytes: int) -> str:
    before, after = file_size(before_bytes), file_size(after_bytes)
    if before[-2:] == after[-2:]:
        before = before[:-3]
    return f"{before} → {after}"


def _image(
    sent: bytes, mime: str, name: str, original: bytes, size_px: tuple[int, int], changes: tuple[str, ...]
) -> ReferenceImage:
    sha256 = hashlib.sha256(sent).hexdigest()
    original_sha256 = sha256 if sent is original else hashlib.sha256(original).hexdigest()
    return ReferenceImage(
        data=sent,
        sha256=sha256,
        mime=mime,
        name=f"reference-image{_SUFFIX[mime]}",  # neutral: the file name may say more than the user wants to send
        width_px=size_px[0],
        height_px=size_px[1],
        original_bytes=len(original),
        original_name=plain_name(name),
        changes=() if original_sha256 == sha256 else changes,
        original_sha256=original_sha256,
    )


def plain_name(name: str) -> str:
    """Return the last part of a file name, printable and at most 120 characters."""
    last = PureWindowsPath(PurePosixPath(name).name).name
    printable = "".join(character for character in last if character.isprintable())
    return printable[:120] or "reference-image"
