"""Small clips whose truth is known: still, moving, blurred, flickering, fading, cut."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

WIDTH, HEIGHT, FRAMES = 320, 180, 48

Picture = NDArray[np.uint8]


def scene(seed: int = 1, *, wide: int = WIDTH, blur_px: float = 1.5) -> Picture:
    """A picture with soft patches and edges."""
    dice = np.random.default_rng(seed)
    rough = Image.fromarray(dice.integers(40, 200, (HEIGHT // 12, wide // 12), dtype=np.uint8), "L")
    return np.asarray(rough.resize((wide, HEIGHT), Image.Resampling.NEAREST).filter(ImageFilter.GaussianBlur(blur_px)))


def write(path: Path, pictures: Iterable[Picture]) -> Path:
    """Encode grey pictures with hardly any loss."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24, options={"preset": "ultrafast", "crf": "4"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.repeat(picture[..., None], 3, axis=2), "rgb24")))
        container.mux(stream.encode(None))
    return path


def still(path: Path, **how: float) -> Path:
    """One picture all the time."""
    return write(path, [scene(1, blur_px=how.get("blur_px", 1.5))] * FRAMES)


def moving(path: Path, pixels: int) -> Path:
    """A pan by so many pixels a frame."""
    wide = scene(1, wide=WIDTH + pixels * FRAMES)
    return write(path, [wide[:, number * pixels : number * pixels + WIDTH] for number in range(FRAMES)])


def lit(path: Path, levels: Iterable[float]) -> Path:
    """One picture under changing light: levels are added to its luma."""
    base = scene(1).astype(np.float64)
    return write(path, [np.clip(base + level, 0, 255).astype(np.uint8) for level in levels])


def cut(path: Path) -> Path:
    """Two scenes, one after the other."""
    dark, bright = (scene(1) // 3).astype(np.uint8), (scene(2) // 3 + 160).astype(np.uint8)
    return write(path, [dark] * (FRAMES // 2) + [bright] * (FRAMES // 2))
