"""Real picture bytes for tests."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image


def encode(image: Image.Image, format_name: str, **options: Any) -> bytes:
    """Encode a picture."""
    out = io.BytesIO()
    image.save(out, format_name, **options)
    return out.getvalue()


def png(width: int = 64, height: int = 48, colour: str = "teal") -> bytes:
    """A plain PNG."""
    return encode(Image.new("RGB", (width, height), colour), "PNG")


def jpeg(width: int = 64, height: int = 48, **options: Any) -> bytes:
    """A plain JPEG."""
    return encode(Image.new("RGB", (width, height), "teal"), "JPEG", **options)


def two_halves(width: int = 80, height: int = 40) -> Image.Image:
    """A picture that is red on the left and blue on the right."""
    image = Image.new("RGB", (width, height), "blue")
    image.paste("red", (0, 0, width // 2, height))
    return image
