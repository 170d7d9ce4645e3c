"""Render a scene or an uploaded picture as MP4: H.264, 24 frames per second, playable before it is complete (faststart).

Ten seconds of clip take about one second of CPU. Import it only to render: it loads numpy, Pillow and PyAV.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream
from PIL import Image, ImageChops, ImageDraw, ImageFont, ImageOps

from rivya_core.simulator.video.painting import PALETTES, glow
from rivya_core.simulator.video.recipe import Recipe, look_of
from rivya_core.simulator.video.scene_setup import Scene, SceneSetup
from rivya_core.simulator.video.scenes import SCENES

FRAMES_PER_S = 24
_PIXELS_BY_FRAMES = 640 * 362 * 165
_MOST_SOURCE_PIXELS = 80_000_000
_NEW_FRAMES = 10 * FRAMES_PER_S


def render(recipe: Recipe, path: Path) -> None:
    """Write the clip of a recipe to ``path``.

    Raises:
        OSError: the file cannot be written.
    """
    scene, size = _scene(recipe)
    mark, corner = _mark(size, recipe)
    count = round(recipe.seconds * FRAMES_PER_S)
    # Long clips repeat frames instead of drawing more.
    hold = max(1, math.ceil(count / _NEW_FRAMES))
    # bitexact and one thread: equal recipes give equal bytes, without encoder version or time.
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}) as file:
        stream = file.add_stream("libx264", FRAMES_PER_S, options={"preset": "ultrafast", "crf": "22", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = recipe.width, recipe.height, "yuv420p"
        stream.codec_context.gop_size = FRAMES_PER_S * 2
        for number, picture in enumerate(_pictures(scene, recipe.motion, count, hold)):
            picture.paste(mark, corner, mark)
            _encode(stream, file, picture, number * hold, min(hold, count - number * hold))
        file.mux(stream.encode(None))


def _pictures(scene: Scene, motion: float, count: int, hold: int) -> Iterator[Image.Image]:
    for number in range(0, count, hold):
        yield scene.frame(number / FRAMES_PER_S * motion)


def _encode(
    stream: VideoStream, file: av.container.OutputContainer, picture: Image.Image, first: int, repeat: int
) -> None:
    source = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
    for number in range(first, first + repeat):
        frame = source.reformat(width=stream.width, height=stream.height, format="yuv420p")
        frame.pts = number
        file.mux(stream.encode(frame))


def _scene(recipe: Recipe) -> tuple[Scene, tuple[int, int]]:
    frames = min(round(recipe.seconds * FRAMES_PER_S), _NEW_FRAMES)
    # Bounds the work of a clip: large ones are drawn smaller, and scaled up while encoding.
    share = min(1.0, math.sqrt(_PIXELS_BY_FRAMES / (recipe.width * recipe.height * frames)))
    width, height = round(recipe.width * share / 2) * 2, round(recipe.height * share / 2) * 2
    image = _opened(recipe.image) if recipe.image is not None else None
    if image is not None:
        return Photo(image, (width, height), recipe.variant), (width, height)
    look = look_of(recipe.prompt)
    rng = np.random.default_rng([look.composition, look.palette, recipe.variant, sum(look.scene.encode())])
    setup = SceneSetup(width, height, recipe.seconds * recipe.motion, PALETTES[look.palette], rng)
    return SCENES[look.scene](setup), (width, height)


def _opened(path: Path) -> Image.Image | None:
    try:
        with Image.open(path) as image:
            if image.width * image.height > _MOST_SOURCE_PIXELS:
                return None
            upright = ImageOps.exif_transpose(image)
            if upright.mode in {"RGBA", "LA", "P", "PA"}:
                solid = upright.convert("RGBA")
                return Image.alpha_composite(Image.new("RGBA", solid.size, (24, 24, 28, 255)), solid).convert("RGB")
            return upright.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


class Photo:
    """A camera moving over an uploaded picture: it starts on the picture itself, cropped to fill the frame."""

    def __init__(self, image: Image.Image, size: tuple[int, int], variant: int) -> None:
        self._size = size
        rng = np.random.default_rng([variant, 77])
        self._source = ImageOps.fit(image, (round(size[0] * 1.25), round(size[1] * 1.25)), Image.Resampling.LANCZOS)
        angle = rng.uniform(0, 2 * math.pi)
        self._toward = (0.5 + 0.42 * math.cos(angle), 0.5 + 0.42 * math.sin(angle))
        self._start = rng.uniform(1.0, 1.8)
        self._sweep = self._light(rng)

    def _light(self, rng: np.random.Generator) -> Image.Image:
        width, height = self._size
        field = glow(height, width * 3, width * 1.5, height / 2, max(self._size) * 0.5) ** 1.3
        tint = np.asarray(((255, 226, 180), (255, 240, 210), (200, 224, 255))[rng.integers(3)], np.float32)
        return Image.fromarray((field[..., None] * tint * 0.34).astype(np.uint8), "RGB")

    def frame(self, moment: float) -> Image.Image:
        """Return the picture of a moment; at moment 0 it is the uploaded picture as it is."""
        width, height = self._source.size
        zoom = 1.0 + 0.034 * moment
        span = (width / zoom, height / zoom)
        left, top = (width - span[0]) * self._toward[0], (height - span[1]) * self._toward[1]
        box = (left, top, left + span[0], top + span[1])
        canvas = self._source.resize(self._size, Image.Resampling.BILINEAR, box)
        away = round(self._size[0] * (1.55 * self._start - 0.42 * moment))
        if abs(away) < self._size[0]:
            x = self._size[0] + away
            canvas = ImageChops.screen(canvas, self._sweep.crop((x, 0, x + self._size[0], self._size[1])))
        return canvas


def _mark(size: tuple[int, int], recipe: Recipe) -> tuple[Image.Image, tuple[int, int]]:
    width = size[0]
    mark = Image.new("RGBA", size, (0, 0, 0, 0))
    pen = ImageDraw.Draw(mark)
    high = max(9.0, min(size) * 0.031)
    font = ImageFont.load_default(high)
    gap = high * 0.16
    lengths = [font.getlength(letter) + gap for letter in "SIMULATED"]
    x, y = width - sum(lengths) - high * 1.35, high * 1.15
    box = (x - high * 0.55, y - high * 0.28, width - high * 0.8, y + high * 1.32)
    pen.rounded_rectangle(box, radius=high * 0.75, fill=(8, 10, 18, 96))
    for letter, length in zip("SIMULATED", lengths, strict=True):
        pen.text((x, y), letter, font=font, fill=(255, 255, 255, 214))
        x += length
    if recipe.text:
        _write_text(pen, size, recipe.text)
    left, top, right, bottom = mark.getbbox() or (0, 0, *size)
    return mark.crop((left, top, right, bottom)), (left, top)


def _write_text(pen: ImageDraw.ImageDraw, size: tuple[int, int], text: str) -> None:
    tall = max(9.0, min(size) * 0.034)
    font = ImageFont.load_default(tall)
    lines = text.splitlines()[:6]
    top = size[1] - tall * (1.35 * len(lines) + 1)
    pen.rectangle((0, top - tall * 0.6, *size), fill=(8, 10, 18, 130))
    for number, line in enumerate(lines):
        pen.text((tall, top + number * tall * 1.35), line, font=font, fill=(255, 255, 255, 230))
