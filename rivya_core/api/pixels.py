"""Decode, turn upright, convert and encode one picture, with Pillow.

Imported when an image is checked. Each step releases the picture of the step before, so that memory stays within the estimate.
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from PIL import Image, JpegImagePlugin

from rivya_core.api.colours import to_srgb
from rivya_core.api.framing import Frame, framed
from rivya_core.api.image_rules import refuse
from rivya_core.api.picture_source import (
    BROKEN,
    DRAFT_SIDE_PX,
    TURNS,
    Source,
    bytes_a_pixel,
    check_size,
    damaged,
    draft_divisor,
    is_beyond_shrinking,
    load,
    open_picture,
    too_many_pixels,
)

_MIMES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
_QUALITIES = (95, 92, 88, 85)
_JPEG_SIDE_MAX_PX, _WEBP_SIDE_MAX_PX = 65_500, 16_383
_SHRUNK_SIDE_PX = (4096, 3072, 2560, 2048, 1600, 1280, 1024)
_SHRUNK_ALPHA_SIDE_PX = 3072  # WebP, the only kind with alpha that shrinks, needs twenty bytes a pixel to encode
_SHRUNK_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "JPEG": {"quality": 92},
    "PNG": {},
    "WEBP": {"quality": 92, "method": 2},
}
_THUMBNAIL_PX = 192
_STRIP_ROWS = 256
_PNG_GAIN = 1.05  # the slower way of packing a PNG rarely saves more, and takes half a minute for a large one


@dataclass(frozen=True, slots=True)
class Cleaned:
    """An encoded picture, its size in pixels, and sentences on what was changed."""

    data: bytes
    mime: str
    width_px: int
    height_px: int
    changes: tuple[str, ...]
    size_bytes: int
    """Size of the encoded picture; ``data`` is empty when it exceeds the limit."""


_one_at_a_time = threading.Lock()


@contextmanager
def _alone() -> Iterator[None]:
    """Process one picture at a time, so that memory stays bounded, and without warnings about damaged metadata.

    Pillow's own pixel limit is lifted meanwhile: it does not take decoding at a fraction into account.
    """
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def measure(data: bytes, mime: str) -> tuple[int, int]:
    """Decode the picture once to prove that it is whole; return its width and height in pixels as stored."""
    with _alone():
        image, source = open_picture(data, mime)
        check_size(image, source, bytes_a_pixel(image, source, copies=1))
        load(image)
        return image.size


def clean(data: bytes, mime: str, limit_bytes: int) -> Cleaned:
    """Re-encode the picture upright, in sRGB and without metadata, visually the same."""
    with _alone():
        image, source = open_picture(data, mime)
        copies = 2 if source.orientation in TURNS or image.mode == "CMYK" or "transparency" in image.info else 1
        check_size(image, source, bytes_a_pixel(image, source, copies, encoded=True))
        options = list(_options(image, source))
        load(image)
        picture, changes = _upright_srgb(image, source)
        del image
        same_kind = picture.mode == options[0].get("mode", picture.mode)
        encoded, size_bytes = b"", 0
        for option in options if same_kind else options[1:]:
            saved = _save(picture, source.format_name, {k: v for k, v in option.items() if k != "mode"}, limit_bytes)
            encoded, size_bytes = saved
            if encoded or (source.format_name == "PNG" and size_bytes > limit_bytes * _PNG_GAIN):
                break
        return Cleaned(encoded, mime, *picture.size, ("re-encoded", *changes), size_bytes)


def thumbnail(data: bytes, mime: str) -> bytes:
    """Encode a small upright JPEG; transparent areas become grey."""
    with _alone():
        image, source = open_picture(data, mime)
        if source.format_name == "JPEG":
            image.draft(None, (2 * _THUMBNAIL_PX, 2 * _THUMBNAIL_PX))
        load(image)
        opaque = image.mode not in {"LA", "PA", "RGBA"} and "transparency" not in image.info
        picture, _words = _upright_srgb(_reduced(image, opaque=opaque), source)
        picture.thumbnail((_THUMBNAIL_PX, _THUMBNAIL_PX))
        canvas = Image.new("RGB", picture.size, "grey")
        canvas.paste(picture, mask=None if opaque else picture.convert("RGBA").getchannel("A"))
        out = io.BytesIO()
        canvas.save(out, "JPEG", quality=82)
        return out.getvalue()


def shrink(data: bytes, mime: str, limit_bytes: int, frame: Frame | None = None) -> Cleaned:
    """Encode the picture with at most 4096 pixels on the long side, and with fewer until it fits the limit.

    With ``frame`` it is cropped or padded first. A PNG stays a PNG if that fits.
    """
    with _alone():
        return _shrink(data, mime, limit_bytes, frame)


def _shrink(data: bytes, mime: str, limit_bytes: int, frame: Frame | None) -> Cleaned:
    image, source = open_picture(data, mime)
    stored = image.size
    if is_beyond_shrinking(image, source):
        raise too_many_pixels(stored)
    if source.format_name == "JPEG":
        fraction = draft_divisor(image)
        # Decoded at a fraction, so size costs no memory.
        image.draft(None, (stored[0] // fraction, stored[1] // fraction))
    load(image)
    opaque = image.mode not in {"LA", "PA", "RGBA"} and "transparency" not in image.info
    format_name = "JPEG" if opaque else "WEBP"
    picture, changes = _upright_srgb(_reduced(image, opaque=opaque), source)
    del image
    turned = source.orientation in TURNS and source.orientation >= 5  # noqa: PLR2004 - those that swap the sides
    before = (stored[1], stored[0]) if turned else stored
    if frame is not None:
        picture, before = framed(picture, frame, _SHRUNK_SIDE_PX[0]), frame.size(before)
        changes.append(frame.words)
    formats = ("PNG", format_name) if frame is not None and source.format_name == "PNG" else (format_name,)
    encoded, size_bytes, format_name = _fitting(picture, formats, limit_bytes)
    width, height = picture.size
    if (width, height) != before:
        changes.append(f"scaled from {before[0]}x{before[1]} to {width}x{height} pixels")
    quality = "" if format_name == "PNG" else " at quality 92"
    all_changes = (f"re-encoded as {format_name}{quality}", *changes)
    return Cleaned(encoded, _MIMES[format_name], width, height, all_changes, size_bytes)


def _fitting(picture: Image.Image, formats: tuple[str, ...], limit_bytes: int) -> tuple[bytes, int, str]:
    """Scale the picture in place until it fits the limit. A PNG is tried once, as scaling hardly makes it smaller."""
    encoded, size_bytes, format_name = b"", 0, formats[-1]
    for side_px in _SHRUNK_SIDE_PX:
        for format_name in formats if side_px == _SHRUNK_SIDE_PX[0] else formats[-1:]:
            if format_name == "WEBP" and side_px > _SHRUNK_ALPHA_SIDE_PX:
                continue
            picture.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
            encoded, size_bytes = _save(picture, format_name, _SHRUNK_OPTIONS[format_name], limit_bytes)
            if encoded:
                return encoded, size_bytes, format_name
    return encoded, size_bytes, format_name


def _reduced(image: Image.Image, *, opaque: bool) -> Image.Image:
    """Scale a picture down before all other steps, so that they work on fewer pixels."""
    if image.mode in {"P", "PA", "1"} or "transparency" in image.info:
        image = image.convert("RGB" if opaque else "RGBA") if image.mode != "1" or not opaque else image.convert("L")
    factor = max(image.size) // DRAFT_SIDE_PX
    if factor > 1 and not image.mode.startswith("I"):
        image = image.reduce(factor if max(image.size) > _SHRUNK_SIDE_PX[0] else 1)
    return image


def _upright_srgb(image: Image.Image, source: Source) -> tuple[Image.Image, list[str]]:
    """Turn a decoded picture upright and convert it to sRGB."""
    words: list[str] = []
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_eight_bits(image)
    elif image.mode == "1" and source.colours.profile is not None:
        image = image.convert("L")
    if source.is_deep:
        words.append("reduced to 8 bits a channel")
    if image.mode in {"RGBa", "La", "PA"}:
        image = image.convert("RGBA")
    image, colour_changes = to_srgb(image, source.colours)
    words += filter(None, [colour_changes])
    if image.mode not in {"L", "LA", "RGB", "RGBA", "P", "1"}:
        words.append(f"converted from {image.mode} to RGB")
        image = image.convert("RGB")
    if source.orientation in TURNS:
        image = image.transpose(TURNS[source.orientation])
    return _without_info(image), [*source.changes, *words]


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Convert 16-bit grey to 8 bits in strips, as Pillow would copy the whole at four bytes per pixel; transparency is kept."""
    out = Image.new("L", image.size)
    table = [value >> 8 for value in range(65_536)]
    for top in range(0, image.size[1], _STRIP_ROWS):
        box = (0, top, image.size[0], min(image.size[1], top + _STRIP_ROWS))
        out.paste(image.crop(box).convert("I").point(table, "L"), box)
    if "transparency" in image.info and isinstance(image.info["transparency"], int):
        out.info["transparency"] = image.info["transparency"] >> 8
    return out


def _without_info(image: Image.Image) -> Image.Image:
    image.info = {key: value for key, value in image.info.items() if key == "transparency"}
    return image


def _options(image: Image.Image, source: Source) -> Iterator[Mapping[str, Any]]:
    """Yield encoder settings, the most faithful first; later ones are for a result that does not fit.

    ``mode`` of the first one: it suits only a picture that is still of this mode.
    """
    if source.format_name == "PNG":
        yield {}
        yield {"optimize": True}
    elif source.format_name == "WEBP":
        if source.is_lossless or (b"ALPH" not in source.data[:256] and image.mode == "P"):
            yield {"lossless": True, "quality": 80}
        yield from ({"quality": quality, "method": 4} for quality in _QUALITIES)
    else:
        yield from _jpeg_options(image, source)


def _jpeg_options(image: Image.Image, source: Source) -> Iterator[Mapping[str, Any]]:
    """Use the source's own quantisation tables first: re-encoding with the same tables changes almost nothing."""
    tables = getattr(image, "quantization", None)
    sampling = JpegImagePlugin.get_sampling(image) if isinstance(image, JpegImagePlugin.JpegImageFile) else -1
    if tables:
        turned = source.orientation in TURNS
        yield {
            "mode": image.mode,
            "qtables": tables,
            "subsampling": sampling if sampling in {0, 2} or (sampling == 1 and not turned) else 0,
        }
    yield from ({"quality": quality, "subsampling": 0 if quality > 90 else 2} for quality in _QUALITIES)  # noqa: PLR2004


def _save(picture: Image.Image, format_name: str, options: Mapping[str, Any], limit_bytes: int) -> tuple[bytes, int]:
    """Encode; return the bytes, empty when they exceed the limit, and their number."""
    longest = {"JPEG": _JPEG_SIDE_MAX_PX, "WEBP": _WEBP_SIDE_MAX_PX}.get(format_name)
    if longest and max(picture.size) > longest:
        raise refuse("too_many_pixels", f"A side is longer than {longest} pixels", "Crop or scale the picture")
    out = _Limited(limit_bytes)
    try:
        picture.save(out, format_name, **options)
    except BROKEN as error:
        raise damaged() from error
    return (b"" if out.total_bytes > limit_bytes else out.getvalue()), out.total_bytes


class _Limited(io.BytesIO):
    """A file in memory that keeps bytes up to a limit and counts the rest."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__()
        self._limit_bytes = limit_bytes
        self.total_bytes = 0

    def write(self, data: Any, /) -> int:
        """Count the bytes, and keep them if they fit."""
        self.total_bytes += len(data)
        if self.total_bytes <= self._limit_bytes:
            super().write(data)
        return len(data)
