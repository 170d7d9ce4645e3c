"""What may be sent as a reference image, and the errors that refuse it. Decided by the first bytes; nothing is decoded."""

from __future__ import annotations

from rivya_core.api.contract import MB, UPLOAD_KINDS
from rivya_core.api.errors import InvalidRequestError
from rivya_core.api.signatures import HEAD_BYTES, sniff

IMAGE_MAX_BYTES, IMAGE_MIME_TYPES = UPLOAD_KINDS["image"]
PIXELS_MAX = 50_000_000
"""Our limit of pixels that are sent unscaled (200 MB of memory). Rivya's limits are not documented."""
SOURCE_MAX_BYTES = 100 * MB
"""Our limit of files that are read; what is sent must fit ``IMAGE_MAX_BYTES``."""


_TAKES = "Rivya takes JPEG, PNG and WebP images"
_UNSUPPORTED = {
    "image/heic": ("This is a HEIC photo", "Export it as JPEG; on an iPhone, share it as “Most Compatible”"),
    "image/avif": ("This is an AVIF image", "Export it as JPEG, PNG or WebP"),
    "image/svg+xml": ("This is an SVG drawing, not a picture of pixels", "Export it as PNG"),
    "image/gif": ("This is a GIF", "Save one frame of it as PNG or JPEG"),
    "image/bmp": ("This is a BMP image", "Save it as PNG"),
    "image/tiff": ("This is a TIFF image", "Save it as PNG or JPEG"),
    "image/jxl": ("This is a JPEG XL image", "Export it as JPEG, PNG or WebP"),
    "image/jp2": ("This is a JPEG 2000 image", "Export it as JPEG, PNG or WebP"),
    "image/x-icon": ("This is an icon file", "Save it as PNG"),
    "image/vnd.adobe.photoshop": ("This is a Photoshop document", "Export it as JPEG or PNG"),
    "application/pdf": ("This is a PDF document", "Export the page as PNG or JPEG"),
}


def refuse(code: str, detail: str, hint: str) -> InvalidRequestError:
    """Build the error that refuses an image."""
    return InvalidRequestError(
        "This reference image cannot be used", f"reference_image: {detail}", hint, code=code, field="reference_image"
    )


def megabytes(size_bytes: int) -> str:
    """Format a size in MB (10^6 bytes), rounded so that a size above a limit never looks equal to it."""
    value = size_bytes / MB
    return f"{value:.1f} MB" if abs(value - round(value, 1)) < 1e-9 or value >= 11 else f"{value:.2f} MB"  # noqa: PLR2004


def check_signature(data: bytes) -> str:
    """Return the MIME type by the first bytes. Raises InvalidRequestError for a type that Rivya does not accept (docs/api-files)."""
    if not data:
        raise refuse("not_an_image", "The file is empty", "Choose the image again")
    if len(data) > SOURCE_MAX_BYTES:
        raise refuse(
            "too_big", f"The file is larger than {megabytes(SOURCE_MAX_BYTES)}", "Make it smaller in an image editor"
        )
    mime = sniff(data[:HEAD_BYTES])
    if mime in IMAGE_MIME_TYPES:
        return str(mime)
    if mime in _UNSUPPORTED:
        what, advice = _UNSUPPORTED[str(mime)]
        raise refuse("unsupported", f"{what}. {_TAKES}", advice)
    raise refuse(
        "not_an_image",
        f"This is not an image that can be recognised. {_TAKES}",
        "Choose another file, or export it again as JPEG or PNG",
    )


def too_big(size_bytes: int) -> InvalidRequestError:
    """Build the refusal of an image that is too large as it would be sent."""
    return refuse(
        "too_big",
        f"It would be sent with {megabytes(size_bytes)}, and Rivya takes at most {megabytes(IMAGE_MAX_BYTES)}",
        "Shrink it here, or make it smaller in an image editor",
    )
