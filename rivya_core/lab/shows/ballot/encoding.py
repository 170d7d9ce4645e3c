"""Copies of clips for a ballot: all re-encoded with the same settings, so that no byte reveals where a clip comes from.

A coded stream leaks its origin: encoders embed their settings, and bit rate and size differ by service. So every clip of a
ballot is encoded by one encoder at one quality and size, into a new container without sound, times or metadata.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Final

import av
from av.bitstream import BitStreamFilterContext
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from rivya_core.api.errors import LabError
from rivya_core.lab.media.video_limits import opened

LONG_SIDE_MAX_PX: Final = 1280
ENCODER: Final = {"preset": "veryfast", "crf": "22", "threads": "1"}
RATE: Final = 24
"""What the encoder is told; every picture keeps its own time."""

WITHOUT_REMARKS: Final = "filter_units=remove_types=6"  # ISO 14496-10, 7.4.1: supplemental enhancement information
TICKS_PER_S: Final = 90_000
UNREADABLE: Final = (FFmpegError, ValueError, OSError, StopIteration)
"""What a clip that cannot be read to its end raises."""

FORMAT: Final = {"fflags": "+bitexact", "movflags": "faststart", "video_track_timescale": str(TICKS_PER_S)}


def long_side_px(sources: Mapping[str, Path]) -> int:
    """The long side that all copies get: that of the largest clip, at most 1280. Raises LabError as ``even_copy`` does."""
    sizes = []
    for source in sources.values():
        try:
            with opened(source) as (_, pictures):
                sizes.append(max(pictures.codec_context.width, pictures.codec_context.height))
        except (FFmpegError, ValueError, OSError) as error:
            raise _unusable() from error
    return min(max(sizes), LONG_SIDE_MAX_PX)


def even_copy(source: Path, target: Path, long_px: int) -> None:
    """Encode a clip anew into an empty file, its long side ``long_px``; about a second of CPU for five seconds of video.

    Raises:
        LabError: the clip cannot be read to its end.
    """
    try:
        encode_anew(source, target, long_px, ENCODER)
    except UNREADABLE as error:
        raise _unusable() from error


def encode_anew(source: Path, target: Path, long_px: int, encoder: Mapping[str, str]) -> None:
    """Encode the pictures of a clip into an empty file, with the encoder told what ``encoder`` says. Raises what ``UNREADABLE`` lists."""
    with opened(source) as (whole, pictures), av.open(str(target), "w", format="mp4", options=FORMAT) as copy:
        stream = copy.add_stream("libx264", RATE, options=dict(encoder))
        _encode(whole.decode(pictures), stream, copy, long_px)


def _encode(frames: Iterator[VideoFrame], stream: VideoStream, copy: OutputContainer, long_px: int) -> None:
    first = next(frames)
    stream.width, stream.height = _size_px(first.width, first.height, long_px)
    stream.pix_fmt = "yuv420p"
    stream.time_base = stream.codec_context.time_base = Fraction(1, TICKS_PER_S)
    bare = BitStreamFilterContext(WITHOUT_REMARKS, stream)
    for frame in chain([first], frames):
        for packet in stream.encode(_evened(frame, stream, first.time)):
            copy.mux(bare.filter(packet))
    for packet in stream.encode(None):
        copy.mux(bare.filter(packet))


def _size_px(width: int, height: int, long_px: int) -> tuple[int, int]:
    """Even numbers, as the encoder asks for, in the clip's own proportions."""
    scale = Fraction(long_px, max(width, height))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def _evened(frame: VideoFrame, stream: VideoStream, start_s: float | None) -> VideoFrame:
    """The picture in the copy's size, at its own time from the first one on."""
    if frame.time is None or start_s is None:
        raise ValueError("a picture without a time")
    at = round((frame.time - start_s) * TICKS_PER_S)  # first: what needs no change of size is the same object
    even_frame = frame.reformat(stream.width, stream.height, "yuv420p")
    even_frame.time_base, even_frame.pts = Fraction(1, TICKS_PER_S), at
    return even_frame


def _unusable() -> LabError:
    return LabError("A clip cannot be put on the ballot", "Its pictures cannot be read to the end.", field="clip")
