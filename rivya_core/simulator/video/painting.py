"""Drawing functions of the scenes: gradients, noise, glows, and layers that move by fractions of a pixel.

Everything slow is drawn once, when a scene is set up; a frame only pastes, adds and scales. Colours are RGB, 0-255; arrays are
float32 of shape (height, width[, channels]).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Field = npt.NDArray[np.floating[Any]]
Colour = tuple[int, int, int]
PHASES = 4
"""A layer is kept at this many fractions of a pixel, so that slow movement does not jump from pixel to pixel."""


@dataclass(frozen=True)
class Palette:
    """The colours of a scene, from the top of the sky to the nearest thing."""

    zenith: Colour
    middle: Colour
    horizon: Colour
    light: Colour
    far: Colour
    near: Colour


def _palette(colours: str) -> Palette:
    parts = [tuple(bytes.fromhex(part)) for part in colours.split()]
    return Palette(*((red, green, blue) for red, green, blue in parts))


PALETTES = tuple(
    _palette(colours)
    for colours in (
        "1b2a4e 7a5a8c f2a07b ffe2b0 8a6f96 161a2e",
        "3f7cb4 a3c4da fbe3b4 fff6d8 93abbd 1b3036",
        "0f2f3d 2f6f78 bfe0cf f4fbe6 6fa3a0 0a1f26",
        "160e24 6a2440 e8663c ffca78 7a3346 150b17",
        "12284c 3c6aa6 cfe3f2 ffffff 86a6c8 0d1b30",
        "2a2350 6f5fa8 f3c6d8 fff0e4 9484bd 17132e",
        "1c3a35 5c8f72 f0e3a2 fffbd6 86a883 0f211d",
        "20304a 80707c f0b06c ffe7bd a1806f 241c1c",
    )
)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return a colour between two; ``share`` of the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def gradient(stops: Sequence[tuple[float, Colour]], length: int) -> Field:
    """Return colours along a line, shape (length, 3); ``stops`` are (position 0-1, colour)."""
    at = np.linspace(0.0, 1.0, length)
    places = [place for place, _ in stops]
    channels = [np.interp(at, places, [colour[index] for _, colour in stops]) for index in range(3)]
    return np.stack(channels, axis=1).astype(np.float32)


def noise_line(rng: np.random.Generator, length: int, roughness: float, lowest: int = 1) -> Field:
    """Return a random curve between 0 and 1; the larger ``roughness``, the smoother. ``lowest`` = fewest waves along it."""
    count = length // 2 + 1
    waves = np.arange(count, dtype=np.float64)
    strength = np.where(waves >= lowest, np.maximum(waves, 1.0) ** -roughness, 0.0)
    spectrum = strength * np.exp(2j * np.pi * rng.random(count))
    return unit(np.fft.irfft(spectrum, length))


def noise(rng: np.random.Generator, height: int, width: int, roughness: float) -> Field:
    """Return a random texture between 0 and 1 that tiles in both directions."""
    rows = np.fft.fftfreq(height)[:, None] * height
    columns = np.fft.rfftfreq(width)[None, :] * width
    distance = np.hypot(rows, columns)
    strength = np.where(distance > 0, np.maximum(distance, 1.0) ** -roughness, 0.0)
    spectrum = strength * np.exp(2j * np.pi * rng.random(distance.shape))
    return unit(np.fft.irfft2(spectrum, (height, width)))


def unit(values: npt.NDArray[Any]) -> Field:
    """Return values stretched to the range 0-1."""
    low, high = float(values.min()), float(values.max())
    return ((values - low) / max(high - low, 1e-9)).astype(np.float32)


def smooth(values: Field) -> Field:
    """Return values of 0-1 with soft ends (smoothstep), clipped first."""
    held = np.clip(values, 0.0, 1.0)
    return (held * held * (3.0 - 2.0 * held)).astype(np.float32)


def picture(colours: Field, rng: np.random.Generator) -> Image.Image:
    """Return an RGB image, dithered by half a step so that soft gradients show no bands."""
    grain = rng.random(colours.shape[:2], dtype=np.float32)[..., None] * 1.6 - 0.3
    return Image.fromarray(np.clip(colours + grain, 0, 255).astype(np.uint8), "RGB")


def glow(height: int, width: int, x: float, y: float, radius: float) -> Field:
    """Return a soft round light, 1 in its middle, at pixel (x, y)."""
    rows = (np.arange(height, dtype=np.float32)[:, None] - y) / radius
    columns = (np.arange(width, dtype=np.float32)[None, :] - x) / radius
    light: Field = np.exp(-np.sqrt(rows * rows + columns * columns) * 1.7).astype(np.float32)
    return light


def sky(
    palette: Palette,
    height: int,
    width: int,
    sun: tuple[float, float],
    rng: np.random.Generator,
    horizon: float = 0.75,
) -> Image.Image:
    """Return a sky with a low sun at pixel ``sun``; ``horizon`` is its height as a share of the picture."""
    stops = [
        (0.0, palette.zenith),
        (horizon * 0.55, palette.middle),
        (horizon, palette.horizon),
        (1.0, palette.horizon),
    ]
    colours = np.repeat(gradient(stops, height)[:, None, :], width, axis=1)
    light = np.asarray(palette.light, np.float32)
    size = float(min(width, height))
    halo = np.clip(0.75 * glow(height, width, *sun, size * 0.42) + 0.35 * glow(height, width, *sun, size), 0, 0.9)
    rows = np.arange(height, dtype=np.float32)[:, None] - sun[1]
    columns = np.arange(width, dtype=np.float32)[None, :] - sun[0]
    disc = smooth((size * 0.055 - np.hypot(rows, columns)) / 2.5 + 0.5)
    share = np.maximum(halo, disc)[..., None]
    return picture(colours + (light - colours) * share, rng)


class Layer:
    """A painting wider than the picture that slides sideways; built from colours and, when given, how opaque each point is."""

    def __init__(self, colours: Field, opaque: Field | None, rng: np.random.Generator) -> None:
        self.width = colours.shape[1] - 1
        self.height = colours.shape[0]
        self._steps: list[tuple[Image.Image, Image.Image | None]] = []
        for phase in range(PHASES):
            share = phase / PHASES
            shifted = colours[:, :-1] * (1 - share) + colours[:, 1:] * share
            cover = None
            if opaque is not None:
                seen = opaque[:, :-1] * (1 - share) + opaque[:, 1:] * share
                cover = Image.fromarray((np.clip(seen, 0, 1) * 255).astype(np.uint8), "L")
            self._steps.append((picture(shifted, rng), cover))

    @classmethod
    def of_light(cls, light: Field, rng: np.random.Generator) -> Layer:
        """Return a layer that brightens what lies behind it; ``light`` is black where there is none."""
        strength = np.clip(light.max(axis=2), 0, 255) / 255
        return cls(light / np.maximum(strength, 1e-3)[..., None], strength.astype(np.float32), rng)

    def paste(self, canvas: Image.Image, offset: float, y: int) -> None:
        """Paste the part that begins ``offset`` pixels from the left, its top at row ``y``; what sticks out is cut off."""
        quarter = round(min(max(offset, 0.0), self.width - canvas.width) * PHASES)
        left, phase = divmod(quarter, PHASES)
        colours, cover = self._steps[phase]
        canvas.paste(colours, (-left, y), cover)


def ridge(line: Field, height: int, top: Colour, foot: Colour, rng: np.random.Generator, edge: float = 1.2) -> Layer:
    """Return hills as a layer: ``line`` is the height of their top above the foot at each column, in pixels."""
    rows = np.arange(height, dtype=np.float32)[:, None]
    opaque = np.clip((rows - (height - line[None, :])) / edge + 0.5, 0, 1)
    below = np.clip((rows - (height - line[None, :])) / max(float(line.max()), 1.0), 0, 1)[..., None]
    first, last = np.asarray(top, np.float32), np.asarray(foot, np.float32)
    return Layer(first + (last - first) * below, opaque.astype(np.float32), rng)


def enlarged(values: Field, size: tuple[int, int]) -> Image.Image:
    """Return a small field of 0-1, or of colours, scaled up softly to ``size`` (width, height)."""
    if values.ndim == 2:  # noqa: PLR2004 - no colours
        return Image.fromarray((np.clip(values, 0, 1) * 255).astype(np.uint8), "L").resize(
            size, Image.Resampling.BICUBIC
        )
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8), "RGB").resize(size, Image.Resampling.BICUBIC)


def sampled(texture: Field, x: Field, y: Field) -> Field:
    """Return a tiling texture at fractional places, softly."""
    rows, columns = texture.shape
    left, top = np.floor(x), np.floor(y)
    right_share, low_share = (x - left).astype(np.float32), (y - top).astype(np.float32)
    x0, y0 = left.astype(np.int32) % columns, top.astype(np.int32) % rows
    x1, y1 = (x0 + 1) % columns, (y0 + 1) % rows
    upper = texture[y0, x0] * (1 - right_share) + texture[y0, x1] * right_share
    lower = texture[y1, x0] * (1 - right_share) + texture[y1, x1] * right_share
    values: Field = (upper * (1 - low_share) + lower * low_share).astype(np.float32)
    return values
