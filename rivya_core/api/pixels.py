"""Decode, turn upright, convert and encode one picture. The only place that uses Pillow; loaded when an image is checked.

A picture is measured from its header before a pixel is decoded, so that a decompression bomb costs no memory.
"""

from __future__ import annotations

import io
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageCms, ImageOps, JpegImagePlugin, UnidentifiedImageError

from rivya_core.api.errors import InvalidRequestError
from rivya_core.api.images import PIXELS_MAX, megabytes, refuse

_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
_MIMES = {format_name: mime for mime, format_name in _FORMATS.items()}
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
    MemoryError,
    IndexError,
    KeyError,
    TypeError,
)
_ORIENTATION, _GPS = 0x0112, 0x8825  # EXIF tags
_TURNED = range(2, 9)  # the EXIF orientations that are not upright
_QUIET_INFO = {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi", "adobe", "adobe_transform", "transparency",
               "progressive", "progression", "gamma", "srgb", "chromaticity", "aspect", "background", "loop", "duration",
               "timestamp", "interlace", "default_image", "mp"}  # fmt: skip
_QUALITIES = (95, 92, 88, 85)
_JPEG_SIDE_MAX_PX, _WEBP_SIDE_MAX_PX = 65_500, 16_383
_SHRUNK_SIDE_PX = (4096, 3072, 2560, 2048, 1600, 1280, 1024)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """An encoded picture, its size in pixels, and sentences on what was done."""

    data: bytes
    mime: str
    width_px: int
    height_px: int
    changes: tuple[str, ...]


_one_at_a_time = threading.Lock()


@contextmanager
def _alone() -> Iterator[None]:
    """Work on one picture at a time: memory stays bounded, and damaged metadata is no reason for a warning in a log."""
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def measure(data: bytes, mime: str) -> tuple[int, int]:
    """Decode the picture once to prove that it is whole; return its width and height in pixels as stored."""
    with _alone():
        image = _open(data, mime)
        _check_pixels(image.size)
        _load(image)
        return image.size


def clean(data: bytes, mime: str, limit_bytes: int) -> Cleaned:
    """Encode the picture anew, upright, in sRGB and without metadata, visually the same."""
    with _alone():
        image = _open(data, mime)
        _check_pixels(image.size)
        _load(image)
        upright, changes = _upright_srgb(image)
        encoded = _encode(upright, image, data, limit_bytes)
        return Cleaned(encoded, mime, *upright.size, tuple(changes))


def shrink(data: bytes, mime: str, limit_bytes: int) -> Cleaned:
    """Encode the picture with at most 4096 pixels on the long side, and with fewer until it fits the limit."""
    with _alone():
        return _shrink(data, mime, limit_bytes)


def _shrink(data: bytes, mime: str, limit_bytes: int) -> Cleaned:
    image = _open(data, mime)
    before = image.size
    if image.format in {"JPEG", "MPO"}:
        image.draft(None, (_SHRUNK_SIDE_PX[0], _SHRUNK_SIDE_PX[0]))  # decodes at a fraction, so size costs no memory
    _check_pixels(image.size)
    _load(image)
    picture, changes = _upright_srgb(image)
    opaque = picture.mode in {"L", "RGB"} or (picture.mode == "P" and "transparency" not in picture.info)
    format_name = "JPEG" if opaque else "WEBP"
    if picture.mode in {"P", "PA", "1"}:
        picture = _without_info(picture.convert("RGB" if opaque else "RGBA"))
    for side_px in _SHRUNK_SIDE_PX:
        picture.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
        encoded = _save(
            picture, format_name, {"quality": 92, "method": 2} if format_name == "WEBP" else {"quality": 92}
        )
        if len(encoded) <= limit_bytes:
            break
    width, height = picture.size
    scaled = "" if (width, height) == before else f"scaled from {before[0]}x{before[1]} to {width}x{height} pixels, "
    now = f"{scaled}encoded again as {format_name} at quality 92, {megabytes(len(encoded))}"
    return Cleaned(encoded, _MIMES[format_name], width, height, (*changes, now))


def _open(data: bytes, mime: str) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data), formats=[_FORMATS[mime]])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels(None) from error
    except (UnidentifiedImageError, *_BROKEN) as error:
        raise _damaged() from error
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise refuse(
            "unsupported", "This is an animated image; a reference is one still picture", "Save one frame of it"
        )
    return image


def _check_pixels(size_px: tuple[int, int]) -> None:
    if size_px[0] * size_px[1] > PIXELS_MAX:
        raise _too_many_pixels(size_px)


def _load(image: Image.Image) -> None:
    try:
        image.load()
    except (Image.DecompressionBombError, *_BROKEN) as error:
        raise _damaged() from error


def _too_many_pixels(size_px: tuple[int, int] | None) -> InvalidRequestError:
    size = f"{size_px[0]}x{size_px[1]} pixels" if size_px else "too many pixels to open safely"
    return refuse(
        "too_many_pixels",
        f"The picture has {size}; at most {PIXELS_MAX // 1_000_000} million are opened here",
        "Make it smaller in an image editor",
    )


def _damaged() -> InvalidRequestError:
    return refuse(
        "truncated", "The file is cut off or damaged: its picture cannot be decoded", "Copy or export the image again"
    )


def _upright_srgb(image: Image.Image) -> tuple[Image.Image, list[str]]:
    changes: list[str] = []
    orientation, position = _exif_facts(image)
    metadata = _has_metadata(image)
    upright = image
    if orientation in _TURNED:
        upright = ImageOps.exif_transpose(image)
        changes.append("rotated upright")
    if metadata:
        changes.append("metadata removed (GPS position included)" if position else "metadata removed")
    if image.format == "MPO":
        changes.append("only the first picture of the file is sent")
    converted, words = _srgb(upright, image.info.get("icc_profile"))
    return _without_info(converted), [*changes, *words]


def _exif_facts(image: Image.Image) -> tuple[int | None, bool]:
    try:
        exif = image.getexif()
        return exif.get(_ORIENTATION), bool(exif.get_ifd(_GPS))
    except _BROKEN:
        return None, False


def _has_metadata(image: Image.Image) -> bool:
    segments = getattr(image, "applist", [])
    return (
        bool(set(image.info) - _QUIET_INFO - {"icc_profile"})
        or bool(getattr(image, "text", None))
        or any(name not in {"APP0", "APP2", "APP14"} for name, _ in segments)
    )


def _srgb(image: Image.Image, profile: object) -> tuple[Image.Image, list[str]]:
    words: list[str] = []
    if image.mode.startswith("I") or image.mode == "F":  # 16-bit grey: scale, as convert() would clip
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
        words.append("reduced to 8 bits a channel")
    if isinstance(profile, bytes) and image.mode in {"RGB", "RGBA", "CMYK"}:
        converted = _by_profile(image, profile)
        if converted is not None:
            return converted, [*words, "colours converted to sRGB"]
    if image.mode in {"L", "LA", "RGB", "RGBA", "P", "1"}:
        return image, words
    target = "RGBA" if image.mode in {"PA", "RGBa", "La"} else "RGB"
    return image.convert(target), [*words, f"converted from {image.mode} to {target}"]


def _by_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Convert to sRGB by the embedded profile; None when it is sRGB already or cannot be used."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if image.mode != "CMYK" and "srgb" in ImageCms.getProfileDescription(source).lower():
            return None
        target = "RGBA" if image.mode == "RGBA" else "RGB"
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=target)
    except (ImageCms.PyCMSError, *_BROKEN):
        return None


def _without_info(image: Image.Image) -> Image.Image:
    image.info = {key: value for key, value in image.info.items() if key == "transparency"}
    return image


def _encode(picture: Image.Image, source: Image.Image, data: bytes, limit_bytes: int) -> bytes:
    encoded = b""
    format_name = "JPEG" if source.format == "MPO" else str(source.format)
    for options in _options(picture, source, data):
        encoded = _save(picture, format_name, options)
        if len(encoded) <= limit_bytes:
            break
    return encoded


def _options(picture: Image.Image, source: Image.Image, data: bytes) -> Iterator[Mapping[str, Any]]:
    """Yield encoder settings, the most faithful first; later ones are for a result that does not fit."""
    if source.format == "PNG":
        yield {}
        yield {"optimize": True}
    elif source.format == "WEBP":
        if b"VP8L" in data[:64] or (b"ALPH" not in data[:256] and picture.mode == "P"):
            yield {"lossless": True, "quality": 80}
        yield from ({"quality": quality, "method": 4} for quality in _QUALITIES)
    else:
        yield from _jpeg_options(picture, source)


def _jpeg_options(picture: Image.Image, source: Image.Image) -> Iterator[Mapping[str, Any]]:
    """Use the source's own quantisation first: encoding again with the same tables changes next to nothing."""
    tables = getattr(source, "quantization", None)
    sampling = JpegImagePlugin.get_sampling(source) if isinstance(source, JpegImagePlugin.JpegImageFile) else -1
    same_kind = picture.mode == source.mode
    if tables and same_kind:
        turned = picture.size != source.size
        yield {
            "qtables": tables,
            "subsampling": sampling if sampling in {0, 2} or (sampling == 1 and not turned) else 0,
        }
    yield from ({"quality": quality, "subsampling": 0 if quality > 90 else 2} for quality in _QUALITIES)  # noqa: PLR2004


def _save(picture: Image.Image, format_name: str, options: Mapping[str, Any]) -> bytes:
    longest = {"JPEG": _JPEG_SIDE_MAX_PX, "WEBP": _WEBP_SIDE_MAX_PX}.get(format_name)
    if longest and max(picture.size) > longest:
        raise refuse("too_many_pixels", f"A side is longer than {longest} pixels", "Crop or scale the picture")
    out = io.BytesIO()
    try:
        picture.save(out, format_name, **options)
    except _BROKEN as error:
        raise _damaged() from error
    return out.getvalue()
