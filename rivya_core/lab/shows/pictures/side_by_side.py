"""Up to four clips in one MP4, beside each other with their labels burned in, for chats where pages do not play.

They run on one clock; a shorter one holds its last picture. The head says whether what is shown is simulated. The pictures
are copied plane by plane, so their colours stay; the sound is left out. One thread codes, so that jobs go on beside it, and
the same clips give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image, ImageDraw

from rivya_core.api.durable import written_beside
from rivya_core.api.errors import LabError, StorageError
from rivya_core.lab.media.video_limits import length_s, opened
from rivya_core.lab.media.video_probe import display_size_px
from rivya_core.lab.shows.pictures import lettering
from rivya_core.lab.shows.pictures.lettering import Colour
from rivya_core.lab.shows.show import SIDE_BY_SIDE_MAX, mode_of
from rivya_core.mode_words import MARK_LINES, ModeWord

LENGTH_MAX_S: Final = 60.0
WIDE_PX, CELL_PX = 1920, (960, 720)
GAP_PX, MARGIN_PX = 16, 24
TITLE_PX, LABEL_PX = 28, 20
TITLE_LINES = LABEL_LINES = 2
RATES: Final = (24, 30)
CODING: Final = {"preset": "veryfast", "crf": "21", "profile": "high"}
FILE: Final = {"movflags": "faststart", "fflags": "+bitexact"}
GROUND: Final[Colour] = (14, 14, 20)
INK: Final[Colour] = (245, 245, 250)
MARK_COLOURS: Final[dict[str, Colour]] = {
    "simulated": (216, 180, 254),
    "live": (134, 239, 172),
    "replay": (147, 197, 253),
    "mixed": (253, 224, 71),
}

Planes = list[np.ndarray[Any, np.dtype[np.uint8]]]


@dataclass(frozen=True, slots=True)
class LabelledClip:
    """A clip and what is written above it."""

    clip: Path
    label: str
    mode: ModeWord


def side_by_side(clips: Sequence[LabelledClip], target: Path, *, title: str = "") -> Path:
    """Write one to four clips as one MP4 (H.264, 4:2:0, ready to stream); where it is. Takes some seconds.

    Raises:
        LabError: none or too many clips, one that cannot be read, or one longer than a minute. StorageError: it cannot be written.
    """
    if not 0 < len(clips) <= SIDE_BY_SIDE_MAX:
        raise _refused(f"{len(clips)} clips were given, and 1 to {SIDE_BY_SIDE_MAX} are taken.")
    try:
        with written_beside(target) as part, ExitStack() as stack:
            players = [_Player(stack, one.clip) for one in clips]
            _encode(players, _Layout([player.size_px for player in players]), clips, title, part)
    except OSError as error:
        raise StorageError("The video cannot be written", f"{error.strerror or error}.", field="disk") from error
    except (FFmpegError, ValueError, EOFError) as error:
        raise _refused("One of the clips cannot be read.") from error
    return target


class _Player:
    """A clip that tells which picture it shows at a moment."""

    def __init__(self, stack: ExitStack, clip: Path) -> None:
        container, self._stream = stack.enter_context(opened(clip))
        self.length_s = length_s(container, self._stream)
        if self.length_s > LENGTH_MAX_S:
            raise _refused(f"A clip is longer than {LENGTH_MAX_S:g} seconds.")
        self.rate = float(self._stream.average_rate or RATES[0])
        self._frames: Iterator[VideoFrame] = container.decode(self._stream)
        self._current = next(self._frames, None)
        if self._current is None:
            raise _refused("One of the clips holds no pictures.")
        self._next = next(self._frames, None)
        self._first_s = _moment(self._current, self._stream)
        self.size_px = display_size_px(self._current, self._stream)
        self._planes: Planes | None = None

    def planes(self, at_s: float, size_px: tuple[int, int]) -> Planes:
        """Its picture at a moment in this size, as planes of 4:2:0; the last one after its end."""
        while self._next is not None and _moment(self._next, self._stream) - self._first_s <= at_s:
            self._current, self._next = self._next, next(self._frames, None)
            self._planes = None
        if self._planes is None and self._current is not None:
            self._planes = _planes(_upright(self._current).reformat(*size_px, format="yuv420p"))
        return self._planes or []


class _Layout:
    """Where everything stands, in whole pairs of pixels, as 4:2:0 needs it."""

    def __init__(self, sizes: Sequence[tuple[int, int]]) -> None:
        count = len(sizes)
        is_wide = sum(width / height for width, height in sizes) / count >= 1
        self.across = 2 if count == SIDE_BY_SIDE_MAX and is_wide else count
        self.down = math.ceil(count / self.across)
        room = (WIDE_PX - 2 * MARGIN_PX - (self.across - 1) * GAP_PX) / self.across
        cap = (min(CELL_PX[0], room), CELL_PX[1])
        fitting = [_contain(size, (min(cap[0], size[0]), min(cap[1], size[1]))) for size in sizes]
        self.cell = (max(size[0] for size in fitting), max(size[1] for size in fitting))
        self.sizes = [_contain(size, self.cell) for size in sizes]
        inner = self.across * self.cell[0] + (self.across - 1) * GAP_PX
        self.wide = max(480, inner + 2 * MARGIN_PX)
        self.aside = _even((self.wide - inner) / 2)

    def set_head(self, lines: int, label_lines: int) -> None:
        """Make room for the head and for the labels."""
        self.head = _even(MARGIN_PX + lines * 36 + 46)
        self.label = _even(label_lines * 27 + 10)
        self.high = self.head + self.down * (self.label + self.cell[1] + GAP_PX) + MARGIN_PX - GAP_PX

    def corner(self, number: int) -> tuple[int, int]:
        """The upper left corner of a cell, under its label."""
        column, row = number % self.across, number // self.across
        x = self.aside + column * (self.cell[0] + GAP_PX)
        return x, self.head + row * (self.label + self.cell[1] + GAP_PX) + self.label

    def place(self, number: int) -> tuple[int, int]:
        """The upper left corner of a picture in the middle of its cell."""
        (x, y), (wide, high) = self.corner(number), self.sizes[number]
        return x + _even((self.cell[0] - wide) / 2), y + _even((self.cell[1] - high) / 2)


def _encode(
    players: Sequence[_Player], layout: _Layout, clips: Sequence[LabelledClip], title: str, target: Path
) -> None:
    still = _planes(_from_image(_frame(layout, clips, title)).reformat(format="yuv420p"))
    rate = RATES[max(player.rate for player in players) > RATES[0] + 1]
    count = max(1, round(max(player.length_s for player in players) * rate))
    with av.open(str(target), "w", format="mp4", options=FILE) as file:
        stream = file.add_stream("libx264", rate=rate, options={**CODING, "g": str(2 * rate)})
        stream.width, stream.height, stream.pix_fmt = layout.wide, layout.high, "yuv420p"
        stream.codec_context.thread_count = 1
        for number in range(count):
            for index, player in enumerate(players):
                _paste(still, player.planes(number / rate, layout.sizes[index]), layout.place(index))
            frame = _whole(still)
            frame.pts, frame.time_base = number, Fraction(1, rate)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def _frame(layout: _Layout, clips: Sequence[LabelledClip], title: str) -> Image.Image:
    """Everything but the pictures: the head, the labels, the ground."""
    room = layout.wide - 2 * layout.aside
    titles = lettering.fitted(title, TITLE_PX, room, TITLE_LINES, bold=True)
    labels = [lettering.fitted(one.label, LABEL_PX, layout.cell[0], LABEL_LINES) for one in clips]
    mode = mode_of(one.mode for one in clips)
    layout.set_head(len(titles), max((len(lines) for lines in labels), default=0) + (mode == "mixed"))
    image = Image.new("RGB", (layout.wide, layout.high), GROUND)
    pen, y = ImageDraw.Draw(image), MARGIN_PX + 26
    for line in titles:
        lettering.write(pen, (layout.aside, y), line, TITLE_PX, INK, bold=True)
        y += 36
    lettering.write(pen, (layout.aside, y), MARK_LINES[mode], LABEL_PX, MARK_COLOURS[mode], bold=True)
    for number, (one, lines) in enumerate(zip(clips, labels, strict=True)):
        x, top = layout.corner(number)
        y = top - layout.label + 22
        if mode == "mixed":
            lettering.write(pen, (x, y), one.mode.upper(), LABEL_PX, MARK_COLOURS[one.mode], bold=True)
            y += 27
        for line in lines:
            lettering.write(pen, (x, y), line, LABEL_PX, INK)
            y += 27
        pen.rectangle((x, top, x + layout.cell[0] - 1, top + layout.cell[1] - 1), fill=(0, 0, 0))
    return image


def _planes(frame: VideoFrame) -> Planes:
    """The three planes of a 4:2:0 picture, without the bytes that only pad their lines."""
    planes = []
    for plane in frame.planes:
        lines = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        planes.append(lines[:, : plane.width].copy())
    return planes


def _paste(ground: Planes, picture: Planes, at: tuple[int, int]) -> None:
    for shift, (below, above) in zip((1, 2, 2), zip(ground, picture, strict=True), strict=True):
        x, y = at[0] // shift, at[1] // shift
        below[y : y + above.shape[0], x : x + above.shape[1]] = above


def _whole(planes: Planes) -> VideoFrame:
    height, width = planes[0].shape
    flat = np.concatenate([plane.reshape(-1) for plane in planes]).reshape(height * 3 // 2, width)
    return VideoFrame.from_ndarray(flat, format="yuv420p")


def _upright(frame: VideoFrame) -> VideoFrame:
    if not frame.rotation:
        return frame
    image: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]  # PyAV types it not
    return _from_image(image.rotate(frame.rotation, expand=True))


def _from_image(image: Image.Image) -> VideoFrame:
    frame: VideoFrame = VideoFrame.from_image(image)  # type: ignore[no-untyped-call]  # PyAV types it not
    return frame


def _moment(frame: VideoFrame, stream: VideoStream) -> float:
    return float((frame.pts or 0) * (frame.time_base or stream.time_base or 0))


def _contain(size: tuple[int, int], box: tuple[float, float]) -> tuple[int, int]:
    """The size in which a picture fills a box, as even numbers."""
    scale = min(box[0] / size[0], box[1] / size[1])
    return max(2, _even(size[0] * scale)), max(2, _even(size[1] * scale))


def _even(number: float) -> int:
    return int(number) // 2 * 2


def _refused(detail: str) -> LabError:
    return LabError("These clips cannot be put side by side", detail, "Choose other clips.", field="clips")
