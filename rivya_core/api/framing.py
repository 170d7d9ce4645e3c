"""Bring a picture to an aspect ratio: crop its middle, or pad it with grey. Pillow is imported only to pad.

Whether a clip follows the picture's shape or the requested ratio is not documented; with equal ones it does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from PIL import Image

SAME_RATIO = 0.02
"""Relative difference below which two ratios are equal: 1080p video is often encoded 1088 pixels high."""
GREY = 128


@dataclass(frozen=True, slots=True)
class Frame:
    """How to bring a picture to an aspect ratio. ratio: as the API writes it, such as "16:9"."""

    way: Literal["crop", "pad"]
    ratio: str

    @property
    def words(self) -> str:
        """What was done, in words."""
        return f"cropped to {self.ratio}" if self.way == "crop" else f"padded with grey to {self.ratio}"

    def size(self, size_px: tuple[int, int]) -> tuple[int, int]:
        """Return width and height in pixels after cropping or padding, without scaling."""
        width, height = size_px
        target = ratio_of(self.ratio)
        if target is None:
            return size_px
        is_wide = width / height > target
        if is_wide is (self.way == "crop"):
            return max(1, round(height * target)), height
        return width, max(1, round(width / target))


def ratio_of(text: object) -> float | None:
    """Return width divided by height of a text such as "16:9"; None when it is not a ratio."""
    try:
        across, down = (float(part) for part in str(text).split(":"))
        quotient = across / down
    except (ValueError, ZeroDivisionError):
        return None
    return quotient if 0 < quotient < float("inf") else None


def has_ratio(width_px: int, height_px: int, ratio: object) -> bool:
    """Return whether a picture has this ratio; True when ``ratio`` is not a ratio, such as "auto"."""
    target = ratio_of(ratio)
    return target is None or abs(width_px / max(1, height_px) - target) / target <= SAME_RATIO


def framed(picture: Image.Image, frame: Frame, longest_px: int) -> Image.Image:
    """Crop or pad a decoded picture with 8 bits per channel. Padding scales it down if the result would exceed ``longest_px``."""
    if frame.way == "crop":
        return _around_middle(picture, frame.size(picture.size))
    longest = max(frame.size(picture.size))
    if longest > longest_px:
        fraction = longest_px / longest
        width, height = (max(1, int(side * fraction)) for side in picture.size)
        picture = picture.resize((width, height), reducing_gap=2.0)
    width, height = frame.size(picture.size)
    from PIL import Image  # noqa: PLC0415 - Pillow is heavy

    canvas = Image.new("L", (width, height), GREY).convert(picture.mode)
    canvas.paste(picture, ((width - picture.width) // 2, (height - picture.height) // 2))
    return canvas


def _around_middle(picture: Image.Image, size_px: tuple[int, int]) -> Image.Image:
    left, top = (picture.width - size_px[0]) // 2, (picture.height - size_px[1]) // 2
    return picture.crop((left, top, left + size_px[0], top + size_px[1]))
