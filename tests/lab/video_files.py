"""Real clips of every kind that a service may send, small and quick to make, and ways to spoil them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np

QUIET = {"libx264": {"preset": "veryfast"}, "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"}}
BRISK = {"libvpx": {"cpu-used": "8", "deadline": "realtime"}, "libvpx-vp9": {"cpu-used": "8", "deadline": "realtime"}}
SMALL = {"libsvtav1": {"preset": "12"}}


def make_clip(
    path: Path,
    codec: str = "libx264",
    *,
    gop: int = 12,
    frames: int = 48,
    size: tuple[int, int] = (160, 96),
    form: str | None = None,
    options: dict[str, str] | None = None,
    pixels: str = "yuv420p",
    rate: int = 24,
) -> Path:
    """Write a clip of a moving pattern with a patch of noise; the container is that of the suffix unless named."""
    width, height = size
    coding: dict[str, str] = {**QUIET.get(codec, {}), **BRISK.get(codec, {}), **SMALL.get(codec, {}), "g": str(gop)}
    coding.update(options or {})
    if codec == "libx265":
        coding["x265-params"] += f":keyint={gop}"
    blocks = np.random.default_rng(1).integers(0, 255, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    picture = np.kron(blocks, np.ones((8, 8, 1), dtype=np.uint8))[:height, :width]
    with av.open(str(path), "w", format=form or path.suffix[1:]) as container:
        stream: Any = container.add_stream(codec, rate=rate, options=coding)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        for number in range(frames):
            shown = np.roll(picture, 3 * number, axis=1).copy()
            shown[8:40, 8:40] = np.random.default_rng(number).integers(0, 255, (32, 32, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def zeroed(data: bytes, start: float, end: float) -> bytes:
    """The same with a part wiped out, by shares of the whole."""
    first, last = int(len(data) * start), int(len(data) * end)
    return data[:first] + bytes(last - first) + data[last:]


def noisy(data: bytes, start: float, end: float, seed: int = 0) -> bytes:
    """The same with a part overwritten by noise."""
    first, last = int(len(data) * start), int(len(data) * end)
    return data[:first] + np.random.default_rng(seed).bytes(last - first) + data[last:]


def without(data: bytes, start: float, end: float) -> bytes:
    """The same with a part missing."""
    return data[: int(len(data) * start)] + data[int(len(data) * end) :]
