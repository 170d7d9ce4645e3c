"""What checking a clip costs before it is kept and afterwards, beside merely reading its packets."""

from __future__ import annotations

import tempfile
from pathlib import Path

import av

from rivya_core.lab.media.video_probe import decode_fault, inspect
from tests.bench.features import cpu_s
from tests.bench.figures import Figure
from tests.lab.video_files import make_clip

FRAMES, RATE = 120, 24
SIZE = (1920, 1080)


def demux(path: Path) -> None:
    """Read all packets and look at none."""
    with av.open(str(path), format="mp4") as container:
        for _ in container.demux(container.streams.video[0]):
            pass


def figures() -> list[Figure]:
    """Measure a clip of five seconds in one group of pictures, where a look at the last key frame tells nothing."""
    with tempfile.TemporaryDirectory() as folder:
        clip = make_clip(Path(folder) / "clip.mp4", gop=250, frames=FRAMES, size=SIZE, rate=RATE, options={"qp": "1"})
        megabytes = clip.stat().st_size / 1e6
        words = f"{cpu_s(lambda: demux(clip)):.3f} s its packets merely read; {megabytes:.1f} MB"
        checked = cpu_s(lambda: inspect(clip))
        decoded = cpu_s(lambda: decode_fault(clip))
    what = "5 s of 1920 x 1080"
    return [
        Figure("clips", f"check before a clip is kept, {what}: CPU", checked, "s", "at most", 0.3, words),
        Figure("clips", f"decode to its end afterwards, {what}: CPU", decoded, "s", baseline=words),
    ]
