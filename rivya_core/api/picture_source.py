"""Read the headers of a picture and estimate the memory that decoding needs. Uses Pillow; see ``pixels``.

Only :func:`load` decodes: a decompression bomb costs no memory, and the largest accepted picture stays within
``WORK_MAX_BYTES``.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from rivya_core.api.colours import ColourSpace, colour_space_of_png, colour_space_of_profile
from rivya_core.api.errors import InvalidRequestError
from rivya_core.api.image_rules import PIXELS_MAX, refuse
from rivya_core.api.png_chunks import PicturePart, PngChunks, read_chunks

WORK_MAX_BYTES = 330_000_000
"""Our limit of memory for one picture, its file included."""
SHRINK_PIXELS_MAX = 300_000_000
"""Our limit of pixels up to which shrinking is offered; a 200-megapixel phone photo is below it."""

_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
BROKEN = (
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
TURNS = {  # the EXIF orientations that are not upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_QUIET_INFO = {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi", "adobe", "adobe_transform", "transparency",
               "progressive", "progression", "aspect", "background", "loop", "duration",
               "timestamp", "interlace", "default_image", "mp"}  # fmt: skip
DRAFT_SIDE_PX = 3072  # a JPEG is decoded at the smallest fraction with this many pixels
_GREY_DEPTHS = {"1": 1, "L": 1, "P": 1, "I;16": 3}  # bytes per pixel of a decoded picture by mode; four for all others
_WEBP_DECODE, _WEBP_LOSSY, _WEBP_LOSSLESS = 18, 20, 44  # bytes per pixel at the peak, measured


@dataclass(frozen=True, slots=True)
class Source:
    """A picture that was opened and not yet decoded."""

    data: bytes
    format_name: str
    colours: ColourSpace
    orientation: int | None
    changes: tuple[str, ...]
    is_deep: bool = False

    @property
    def is_lossless(self) -> bool:
        """Whether a WebP was encoded without loss."""
        return self.format_name == "WEBP" and b"VP8L" in self.data[:64]


def open_picture(data: bytes, mime: str) -> tuple[Image.Image, Source]:
    """Open a picture and read its headers; nothing is decoded. Raises InvalidRequestError when it cannot be opened."""
    chunks = read_chunks(data) if mime == "image/png" else None
    file = io.BytesIO(data) if chunks is None else io.BufferedReader(PicturePart(data, chunks.pieces))
    try:
        image = Image.open(file, formats=[_FORMATS[mime]])
    except (UnidentifiedImageError, *BROKEN) as error:
        raise damaged() from error
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise refuse(
            "unsupported", "This is an animated image; a reference is one still picture", "Save one frame of it"
        )
    return image, _source(image, data, chunks)


def _source(image: Image.Image, data: bytes, chunks: PngChunks | None) -> Source:
    orientation, position = _exif_facts(_exif(image, chunks))
    format_name = "JPEG" if image.format == "MPO" else str(image.format)
    changes = ["rotated upright"] if orientation in TURNS else []
    if chunks.has_metadata if chunks is not None else _has_metadata(image):
        changes.append("metadata removed (GPS position included)" if position else "metadata removed")
    if image.format == "MPO":
        changes.append("only the first picture of the file is sent")
    elif (chunks is not None and chunks.has_tail) or (
        format_name == "JPEG" and not data[-1000:].rstrip(b"\0\r\n").endswith(b"\xff\xd9")
    ):
        changes.append("what followed the picture removed")
    if chunks is not None:
        return Source(
            data, format_name, colour_space_of_png(chunks.colours), orientation, tuple(changes), chunks.is_deep
        )
    parts = any(name == "APP2" and body.startswith(b"ICC_PROFILE") for name, body in getattr(image, "applist", []))
    colours = colour_space_of_profile(image.info.get("icc_profile"), is_missing=parts)
    return Source(data, format_name, colours, orientation, tuple(changes))


def check_size(image: Image.Image, source: Source, a_pixel: int) -> None:
    """Raise InvalidRequestError for too many pixels or too much memory; shrinking needs less."""
    pixels = image.size[0] * image.size[1]
    free_bytes = WORK_MAX_BYTES - len(source.data) - _coefficient_bytes(image, source)
    pixels_max = min(PIXELS_MAX, max(0, free_bytes) // a_pixel)
    if pixels > pixels_max:
        raise _too_many_to_send(image, source, pixels_max)


def bytes_a_pixel(image: Image.Image, source: Source, copies: int, *, encoded: bool = False) -> int:
    """Return the peak memory of decoding and encoding, in bytes per pixel."""
    if source.format_name == "WEBP":
        return (_WEBP_LOSSLESS if source.is_lossless else _WEBP_LOSSY) if encoded else _WEBP_DECODE
    depth = _GREY_DEPTHS.get(image.mode, 4)
    return depth if image.mode == "I;16" else depth * copies


def _coefficient_bytes(image: Image.Image, source: Source) -> int:
    """Return the bytes that libjpeg needs for a picture in several scans: it keeps all coefficients at full size."""
    layers = getattr(image, "layer", None)
    if (
        source.format_name != "JPEG"
        or not layers
        or not ("progressive" in image.info or _has_parted_scans(source.data))
    ):
        return 0
    largest = max(layer[1] for layer in layers) * max(layer[2] for layer in layers)
    samples: int = sum(layer[1] * layer[2] for layer in layers)
    return image.size[0] * image.size[1] * 2 * samples // int(max(1, largest))


def _has_parted_scans(data: bytes) -> bool:
    """Return whether the first scan of a JPEG has fewer components than the picture (ITU-T T.81, section B.2.3)."""
    at, components = 2, 0
    while at + 10 < len(data) and data[at] == 0xFF:  # noqa: PLR2004 - every marker begins so
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in {0xC0, 0xC1, 0xC2}:
            components = data[at + 9]
        if marker == 0xDA:  # noqa: PLR2004 - start of scan
            return data[at + 4] < components
        at += 2 + length
    return False


def load(image: Image.Image) -> None:
    """Decode the pixels."""
    try:
        image.load()
    except BROKEN as error:
        raise damaged() from error


def _too_many_to_send(image: Image.Image, source: Source, pixels_max: int) -> InvalidRequestError:
    """Build the error of too many pixels; its code tells whether shrinking can help."""
    if is_beyond_shrinking(image, source):
        return too_many_pixels(image.size)
    width_px, height_px = image.size
    return refuse(
        "too_big",
        f"The picture has {width_px}x{height_px} pixels. Without shrinking, at most {pixels_max / 1e6:.0f} megapixels of this kind can be sent",
        "Shrink it here, or make it smaller in an image editor",
    )


def is_beyond_shrinking(image: Image.Image, source: Source) -> bool:
    """Return whether even shrinking would need too much memory."""
    pixels = image.size[0] * image.size[1]
    if pixels > SHRINK_PIXELS_MAX:
        return True
    a_pixel = 9 if image.mode in {"LA", "RGBA"} else 5
    if source.format_name == "WEBP":
        a_pixel = _WEBP_DECODE
    elif source.format_name == "JPEG":
        pixels //= draft_divisor(image) ** 2
    return pixels * a_pixel + _coefficient_bytes(image, source) + len(source.data) > WORK_MAX_BYTES


def draft_divisor(image: Image.Image) -> int:
    """Return the divisor (1, 2, 4 or 8) at which the JPEG decoder leaves enough pixels."""
    return next((divisor for divisor in (8, 4, 2) if max(image.size) >= divisor * DRAFT_SIDE_PX), 1)


def too_many_pixels(size_px: tuple[int, int]) -> InvalidRequestError:
    """Build the error of a picture that cannot be opened safely."""
    return refuse(
        "too_many_pixels",
        f"The picture has {size_px[0]}x{size_px[1]} pixels, more than can be opened safely as this kind of file",
        "Make it smaller in an image editor, or export it as JPEG",
    )


def damaged() -> InvalidRequestError:
    """Build the error of a picture that cannot be decoded."""
    return refuse(
        "truncated", "The file is cut off or damaged: its picture cannot be decoded", "Copy or export the image again"
    )


def _exif(image: Image.Image, chunks: PngChunks | None) -> Image.Exif:
    """Return the EXIF data. Of a PNG it is read from the chunks, as Pillow would decode the picture to find it."""
    exif = Image.Exif()
    try:
        if chunks is None:
            return image.getexif()
        if chunks.exif:
            exif.load(b"Exif\0\0" + chunks.exif)
    except BROKEN:
        return Image.Exif()
    return exif


def _exif_facts(exif: Image.Exif) -> tuple[int | None, bool]:
    try:
        return exif.get(_ORIENTATION), bool(exif.get_ifd(_GPS))
    except BROKEN:
        return None, False


def _has_metadata(image: Image.Image) -> bool:
    segments = getattr(image, "applist", [])
    return bool(set(image.info) - _QUIET_INFO - {"icc_profile"}) or any(
        name not in {"APP0", "APP2", "APP14"} for name, _ in segments
    )
