"""Measure a clip: five figures from its frames, by FFmpeg's own filters. Pure: a file in, figures out.

No figure says which clip is better; they only serve to test whether a setting changes clips more than re-rolling does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Final

import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image, ImageOps

from rivya_core.api.errors import StorageError
from rivya_core.lab.media.video_limits import NoPicturesError, opened
from rivya_core.lab.media.video_probe import StoppedError as StoppedError  # noqa: PLC0414 - measuring names it so

VERSION: Final = 1
"""Increment when the same clip no longer gives the same figures; older figures are then measured again."""

SMALL_PX: Final = 320  # long side for motion, brightness, cuts and likeness: sufficient, and cheap
SHARP_PX: Final = 960  # long side for sharpness, which a smaller picture would hide
SHARP_PER_S: Final = 2.0
CUT_SCORE: Final = (
    10.0  # scdet's own default: percent of the range that a frame changes by, beyond what the frame before did
)
TICK: Final = Fraction(1, 1000)  # any time base will do: two frames are compared, both at the time 0
SOURCE_PIXELS_MAX: Final = 80_000_000


@dataclass(frozen=True, slots=True)
class Feature:
    """One thing that is measured. ``noun`` and ``more`` stand in sentences; ``more`` is what clips with the larger figure do."""

    key: str
    label: str
    unit: str
    noun: str
    more: str
    definition: str


FEATURES: Final[tuple[Feature, ...]] = (
    Feature(
        "motion",
        "Motion energy",
        "luma levels per frame",
        "motion",
        "moves more",
        "Mean temporal information (ITU-T P.910): the standard deviation of the luma difference between two frames that "
        "follow each other, in 8-bit luma levels, at 320 px. A brightness step of the whole picture does not count as motion; "
        "frames at a scene cut are left out.",
    ),
    Feature(
        "sharpness",
        "Sharpness",
        "1/px",
        "sharpness",
        "is sharper",
        "One over the mean width of edges in pixels (FFmpeg's blurdetect), two frames a second, at 960 px or the clip's own "
        "size if that is smaller. Null when a clip shows no edge.",
    ),
    Feature(
        "flicker",
        "Flicker",
        "luma levels",
        "flicker",
        "flickers more",
        "Mean jump of the picture's mean luma, in 8-bit levels: half the difference between one step of brightness and the "
        "step before it. What goes on at the same pace cancels, so that a fade, and motion that brightens the picture "
        "evenly, count for nothing; frames at a scene cut are left out.",
    ),
    Feature(
        "cuts",
        "Scene cuts",
        "cuts",
        "scene cuts",
        "cuts more often",
        "Frames at which FFmpeg's scdet scores at least 10: the picture changes at once by a tenth of the range or more.",
    ),
    Feature(
        "likeness",
        "First frame like the image",
        "SSIM, 0 to 1",
        "likeness to the image",
        "starts closer to the image",
        "Structural similarity (SSIM of luma) of the clip's first frame with the reference image as it was sent, the image "
        "cropped about its centre to the clip's shape, both at 320 px. Null without a reference image.",
    ),
)

BY_KEY: Final[Mapping[str, Feature]] = {feature.key: feature for feature in FEATURES}

Figures = dict[str, float | None]
"""Key of a feature to what was measured; None where a clip has no such figure."""


class UnmeasurableError(StorageError):
    """A clip's frames cannot be read; the sentence says why."""


def measure(path: Path, image: Path | None = None, *, go_on: Callable[[], bool] = lambda: True) -> Figures:
    """Measure one clip, decoding it once on the calling thread.

    Args:
        path: the clip.
        image: the reference image as it was sent, or None.
        go_on: asked at each frame; False ends it.

    Raises:
        StoppedError: ``go_on`` said so.
        UnmeasurableError: no frame, or not all of them, can be read.
    """
    with _opened(path) as (container, stream):
        watch: _Watch | None = None
        for frame in container.decode(stream):
            if not go_on():
                raise StoppedError("Measuring was stopped")
            if watch is None:
                watch = _Watch(stream, frame)
            watch.see(frame)
    if watch is None or watch.first is None:
        raise UnmeasurableError("The clip cannot be measured", "It holds no pictures.")
    return watch.figures() | {"likeness": None if image is None else _likeness(watch.first, watch.turned, image)}


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    try:
        with opened(path) as (container, stream):
            yield container, stream
    except NoPicturesError as error:
        raise UnmeasurableError("The clip cannot be measured", "It has no video track.") from error
    except (FFmpegError, OSError, ValueError, EOFError) as error:
        raise UnmeasurableError("The clip cannot be measured", "Its frames cannot be read to the end.") from error


class _Watch:
    """Accumulate a few numbers per frame in one pass."""

    def __init__(self, stream: VideoStream, first: VideoFrame) -> None:
        time_base = stream.time_base or TICK
        self._small = _graph(first, time_base, SMALL_PX, ("siti", ""), ("scdet", f"threshold={CUT_SCORE:g}"))
        self._sharp = _graph(first, time_base, SHARP_PX, ("blurdetect", ""))
        self.turned = first.rotation // 90
        self._every = max(1, round(float(stream.average_rate or 24) / SHARP_PER_S))
        self._frames = 0
        self._changes: list[float] = []
        self._lights: list[float] = []
        self._cuts: list[bool] = []
        self._edges_px: list[float] = []
        self.first: VideoFrame | None = None

    def see(self, frame: VideoFrame) -> None:
        """Take one frame, in order."""
        small = _through(self._small, frame)
        if self.first is None:
            self.first = small
        metadata = small.metadata
        self._changes.append(float(metadata["lavfi.siti.ti"]))
        self._cuts.append(float(metadata["lavfi.scd.score"]) >= CUT_SCORE)
        self._lights.append(float(_luma(small).mean()))
        if self._frames % self._every == 0:
            width_px = float(_through(self._sharp, frame).metadata.get("lavfi.blur", "nan"))
            if math.isfinite(width_px) and width_px > 0:
                self._edges_px.append(width_px)
        self._frames += 1

    def figures(self) -> Figures:
        """Return the accumulated figures."""
        return {
            "motion": _mean([change for change, cut in zip(self._changes[1:], self._cuts[1:], strict=True) if not cut]),
            "sharpness": 1.0 / fmean(self._edges_px) if self._edges_px else None,
            "flicker": _mean(self._jumps()),
            "cuts": float(sum(self._cuts)),
        }

    def _jumps(self) -> list[float]:
        steps = [later - earlier for earlier, later in pairwise(self._lights)]
        return [
            abs(second - first) / 2
            for index, (first, second) in enumerate(pairwise(steps))
            if not (self._cuts[index + 1] or self._cuts[index + 2])
        ]


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _graph(first: VideoFrame, time_base: Fraction, side_px: int, *filters: tuple[str, str]) -> Graph:
    """Build a chain: scale to the side, 8 bits with luma in its own plane, then the filters; one thread."""
    width, height = _shape(first.width, first.height, side_px)
    graph = Graph()
    graph.threads = 1
    nodes = [
        graph.add_buffer(width=first.width, height=first.height, format=first.format, time_base=time_base),
        graph.add("scale", f"{width}:{height}:flags=area"),
        graph.add("format", "yuv420p"),
        *(graph.add(name, arguments) for name, arguments in filters),
        graph.add("buffersink"),
    ]
    for before, after in pairwise(nodes):
        before.link_to(after)
    graph.configure()
    return graph


def _through(graph: Graph, frame: VideoFrame) -> VideoFrame:
    graph.push(frame)
    out = graph.pull()
    assert isinstance(out, VideoFrame)  # these chains hold pictures only
    return out


def _luma(frame: VideoFrame) -> NDArray[np.uint8]:
    """The luma plane of a frame, which is followed by those of colour."""
    planes = np.asarray(frame.to_ndarray(), dtype=np.uint8)
    return np.ascontiguousarray(planes[: frame.height])


def _shape(width: int, height: int, side_px: int) -> tuple[int, int]:
    share = min(1.0, side_px / max(width, height))
    return max(2, round(width * share / 2) * 2), max(2, round(height * share / 2) * 2)


def _likeness(first: VideoFrame, turned: int, image: Path) -> float:
    """SSIM of luma between a frame, upright by so many quarters, and an image cropped to its shape."""
    upright = np.ascontiguousarray(np.rot90(_luma(first), turned))
    height, width = upright.shape
    reference = _as_frame(image, width, height)
    actual = VideoFrame.from_ndarray(upright, format="gray")
    graph = Graph()
    graph.threads = 1
    compare, sink = graph.add("ssim"), graph.add("buffersink")
    buffers = [graph.add_buffer(width=width, height=height, format=reference.format, time_base=TICK) for _ in range(2)]
    for index, buffer in enumerate(buffers):
        buffer.link_to(compare, 0, index)
    compare.link_to(sink)
    graph.configure()
    for buffer, frame in zip(buffers, (actual, reference), strict=True):
        frame.pts = 0
        buffer.push(frame)
        buffer.push(None)
    return float(sink.pull().metadata["lavfi.ssim.Y"])


def _as_frame(image: Path, width: int, height: int) -> VideoFrame:
    try:
        with Image.open(image) as opened:
            if opened.width * opened.height > SOURCE_PIXELS_MAX:
                raise UnmeasurableError("The clip cannot be measured", "Its reference image is too large to compare.")
            upright = ImageOps.exif_transpose(opened).convert("L")
            fitted = ImageOps.fit(upright, (width, height), Image.Resampling.BOX)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnmeasurableError("The clip cannot be measured", "Its reference image cannot be read.") from error
    return VideoFrame.from_ndarray(np.asarray(fitted), format="gray")
