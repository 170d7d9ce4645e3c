"""Inspect a video file: whether it is whole and playable, its dimensions and length, its poster."""

from __future__ import annotations

import hashlib
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from rivya_core.api.errors import DownloadError, RivyaError
from rivya_core.lab.media.coded_pictures import is_whole, is_wiped, layout_of
from rivya_core.lab.media.containers import Container, container_of
from rivya_core.lab.media.video_limits import (
    MICROSECONDS,
    PICTURES_MAX,
    CutError,
    TooMuchError,
    check_stream,
    length_s,
    opened,
)

log = logging.getLogger("rivya.clips")

POSTER_AT: Final = 0.3  # of the clip's length; the first frame is often just the reference image
POSTER_FRAMES_MAX: Final = 48  # decoded at most, so that a poster costs milliseconds
POSTER_SIDE_PX: Final = 640
POSTER_QUALITY: Final = 85
TAIL_FRAMES_MAX: Final = 48
CHUNK_BYTES: Final = 1 << 20

WHOLE: Final = "whole"
DAMAGED: Final = "damaged"
UNOPENED: Final = "unopened"
"""Check results of a clip: decoded to its end, archived although damaged, archived without being opened."""


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """Measured facts of a video file, in pixels as displayed; None if it was not opened.

    ``check``: None until the clip was decoded to its end; ``fault`` says what is wrong.
    """

    container: Container
    sha256: str
    size_bytes: int
    width_px: int | None = None
    height_px: int | None = None
    duration_s: float | None = None
    fps: float | None = None
    check: str | None = None
    fault: str | None = None


class StoppedError(RivyaError):
    """The caller cancelled."""


def inspect(path: Path) -> ClipFacts:
    """Verify that a file is a whole, playable clip, and measure it.

    Reads every packet, decodes the first frame, and the last ones if a late key frame makes that cheap; a clip whose packets
    cannot show that it is whole is decoded to its end. A file over the limits is not opened.

    Raises:
        DownloadError: it is broken; the detail says what is wrong.
    """
    container = container_of(path)
    if container is None:
        raise _broken("It is no MP4, QuickTime or WebM file.")
    try:
        width_px, height_px, duration_s, fps, is_decoded = _look(path)
    except CutError as error:
        raise _broken("It is cut off.") from error
    except TooMuchError as error:
        fault = f"{error} It was kept as it came."
        return ClipFacts(container, sha256_of(path), path.stat().st_size, check=UNOPENED, fault=fault)
    except (FFmpegError, ValueError, EOFError) as error:
        raise _broken("It cannot be read to its end.") from error
    return ClipFacts(
        container,
        sha256_of(path),
        path.stat().st_size,
        width_px,
        height_px,
        round(duration_s, 3),
        fps,
        check=WHOLE if is_decoded else None,
    )


def damaged_facts(path: Path, fault: str, check: str = DAMAGED) -> ClipFacts:
    """Return the facts of a file that is archived although it is damaged, as far as they can be read."""
    container = container_of(path)
    if container is None:
        raise _broken("It is no MP4, QuickTime or WebM file.")
    return ClipFacts(container, sha256_of(path), path.stat().st_size, check=check, fault=fault)


def decode_fault(path: Path, *, go_on: Callable[[], bool] = lambda: True) -> str:
    """Decode every frame of a clip; return what is wrong with it in a sentence, or "".

    Raises:
        StoppedError: ``go_on``, called at each frame, returned False. OSError: the file cannot be read at all.
    """
    number = 0
    try:
        with opened(path, every_frame=True, strict=True) as (container, stream):
            for number, frame in enumerate(container.decode(stream), 1):
                if not go_on():
                    raise StoppedError("Checking was stopped")
                if frame.is_corrupt:
                    return f"Its frame {number} is damaged."
    except FileNotFoundError:
        raise
    except (FFmpegError, ValueError, EOFError):
        return f"It cannot be decoded after frame {number}."
    return "" if number else "It holds no pictures."


def poster_jpeg(path: Path, to: Path) -> bool:
    """Write a small JPEG of a frame of a clip, upright as a player shows it; False when no frame can be had."""
    try:
        with opened(path) as (container, stream):
            frame = _poster_frame(container, stream)
            size_px = None if frame is None else display_size_px(frame, stream)
    except (FFmpegError, ValueError, EOFError):
        log.warning("no poster: the clip cannot be read")
        return False
    if frame is None or size_px is None:
        return False
    picture: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]  # PyAV types it not
    picture = picture.rotate(frame.rotation, expand=True)
    shrunk = min(1.0, POSTER_SIDE_PX / max(size_px))
    picture = picture.resize((max(1, round(size_px[0] * shrunk)), max(1, round(size_px[1] * shrunk))))
    picture.convert("RGB").save(to, "JPEG", quality=POSTER_QUALITY)
    return True


def codec_of(path: Path) -> str:
    """Name the codec of a clip's pictures, such as "h264"; "unknown" when it cannot be read."""
    try:
        with opened(path) as (_, stream):
            return str(stream.codec_context.name)
    except (FFmpegError, ValueError, EOFError):
        return "unknown"


def _look(path: Path) -> tuple[int, int, float, float, bool]:
    """Width, height, length and frame rate of a clip within the caps, and whether all of it was decoded."""
    with opened(path, every_frame=True) as (container, stream):  # frames that an edit list skips must be intact, too
        packets, key_packets_from_end, end_s = _walk(container, stream)
        if packets == 0:
            raise _broken("It holds no pictures.")
        if stream.frames and packets < stream.frames:
            raise _broken(f"It ends after {packets} of {stream.frames} frames.")
        duration_s = length_s(container, stream) or end_s
        if duration_s <= 0:
            raise _broken("It has no length.")
        check_stream(stream, max(duration_s, end_s))
        tells_all = layout_of(stream.codec_context.name, stream.codec_context.extradata) is None
    with opened(path) as (container, stream):
        first = next(container.decode(stream), None)
        if first is None or first.is_corrupt:
            raise _broken("Its first frame cannot be decoded.")
        width_px, height_px = display_size_px(first, stream)
        if not tells_all and key_packets_from_end <= TAIL_FRAMES_MAX:
            _decode_tail(container, stream, duration_s)
        fps = round(float(stream.average_rate or 0), 3)
    if tells_all and (fault := decode_fault(path)):
        raise _broken(fault)
    return width_px, height_px, duration_s, fps, tells_all


def _walk(container: InputContainer, stream: VideoStream) -> tuple[int, int, float]:
    """Read all packets: how many, how many since the last key frame, and where the last one ends in seconds."""
    layout = layout_of(stream.codec_context.name, stream.codec_context.extradata)
    codec = stream.codec_context.codec.canonical_name
    packets = since_key = 0
    end_s = 0.0
    for packet in container.demux(stream):
        if packet.size == 0:
            continue
        if packet.is_corrupt:
            raise _broken("It is cut off.")
        packets += 1
        if packets > PICTURES_MAX:
            raise TooMuchError(f"It holds more than {PICTURES_MAX:,} pictures.")
        data = bytes(packet)
        if is_wiped(data, codec) or not (layout is None or is_whole(data, layout)):
            raise _broken(f"Its picture {packets} is damaged.")
        since_key = 1 if packet.is_keyframe else since_key + 1
        if packet.pts is not None and packet.time_base is not None:
            end_s = max(end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    return packets, since_key, end_s


def _decode_tail(container: InputContainer, stream: VideoStream, duration_s: float) -> None:
    container.seek(int(duration_s * MICROSECONDS), backward=True)
    if not all(frame.is_corrupt for frame in container.decode(stream)):
        return
    container.seek(0)  # with gradual intra refresh the first key frame is the only one
    last = deque(container.decode(stream), maxlen=1)
    if not last or last[0].is_corrupt:
        raise _broken("Its last frames cannot be decoded.")


def display_size_px(frame: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Width and height as a player shows them: pixels may be oblong, and the picture may lie on its side."""
    width = max(1, round(frame.width * (stream.sample_aspect_ratio or 1)))
    return (frame.height, width) if frame.rotation % 180 else (width, frame.height)


def _poster_frame(container: InputContainer, stream: VideoStream) -> VideoFrame | None:
    target = min(int(stream.frames * POSTER_AT), POSTER_FRAMES_MAX)
    chosen = None
    for index, frame in enumerate(container.decode(stream)):
        chosen = frame
        if index >= target:
            break
    return chosen


def sha256_of(path: Path) -> str:
    """The hash of a file's bytes, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _broken(detail: str) -> DownloadError:
    return DownloadError(
        "What arrived is not a whole video",
        detail,
        "The clip is fetched again; the task and its charge are not touched.",
        retryable=True,
        code="broken_clip",
    )
