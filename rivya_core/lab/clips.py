"""Look into a video file: is it whole and playable, what does it measure, what does it look like.

The file came from the network, so the demuxer is named and never guessed: a guessed format may open other files.
"""

from __future__ import annotations

import hashlib
import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from rivya_core.api.errors import DownloadError

log = logging.getLogger("rivya.clips")

POSTER_AT: Final = 0.3  # of the clip's length; the first frame is often just the reference image
POSTER_FRAMES_MAX: Final = 48  # decoded at most, so that a poster costs milliseconds
POSTER_SIDE_PX: Final = 640
POSTER_QUALITY: Final = 85
TAIL_FRAMES_MAX: Final = 48
CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What a checked video file measures."""

    sha256: str
    size_bytes: int
    width_px: int
    height_px: int
    duration_s: float
    fps: float


def inspect(path: Path) -> ClipFacts:
    """Check that a file is a whole, playable MP4, and measure it.

    Reads every packet, decodes the first frame, and the last ones where a late key frame makes that cheap.

    Raises:
        DownloadError: it is not; the detail says what is wrong.
    """
    with _opened(path, ignore_editlist="1") as (container, stream):  # what an edit list leaves out must be there too
        packets, key_packets_from_end, end_s = _walk(container, stream)
        if packets == 0:
            raise _broken("It holds no pictures.")
        if stream.frames and packets < stream.frames:
            raise _broken(f"It ends after {packets} of {stream.frames} frames.")
        duration_s = _duration_s(container, stream) or end_s
        if duration_s <= 0:
            raise _broken("It has no length.")
    with _opened(path) as (container, stream):
        first = next(container.decode(stream), None)
        if first is None or first.is_corrupt:
            raise _broken("Its first frame cannot be decoded.")
        if key_packets_from_end <= TAIL_FRAMES_MAX:
            _decode_tail(container, stream, duration_s)
        return ClipFacts(
            sha256=_sha256(path),
            size_bytes=path.stat().st_size,
            width_px=first.width,
            height_px=first.height,
            duration_s=round(duration_s, 3),
            fps=round(float(stream.average_rate or 0), 3),
        )


def poster_jpeg(path: Path, to: Path) -> bool:
    """Write a small JPEG of a frame of a clip; False when no frame can be had."""
    try:
        with _opened(path) as (container, stream):
            frame = _poster_frame(container, stream)
    except DownloadError as error:
        log.warning("no poster: %s", error.detail)
        return False
    if frame is None:
        return False
    picture: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]  # PyAV types it not
    picture.thumbnail((POSTER_SIDE_PX, POSTER_SIDE_PX))
    picture.convert("RGB").save(to, "JPEG", quality=POSTER_QUALITY)
    return True


@contextmanager
def _opened(path: Path, **options: str) -> Iterator[tuple[InputContainer, VideoStream]]:
    try:
        with av.open(str(path), format="mp4", options=options) as container:
            if not container.streams.video:
                raise _broken("It has no video track.")
            stream = container.streams.video[0]
            # Decoder threads cost more than they bring for a few frames.
            stream.thread_type = "NONE"
            stream.codec_context.thread_count = 1
            yield container, stream
    except (FFmpegError, ValueError, EOFError) as error:
        raise _broken("It cannot be read to its end.") from error


def _walk(container: InputContainer, stream: VideoStream) -> tuple[int, int, float]:
    """Read all packets: how many, how many since the last key frame, and where the last one ends in seconds."""
    packets = since_key = 0
    end_s = 0.0
    for packet in container.demux(stream):
        if packet.size == 0:
            continue
        if packet.is_corrupt:
            raise _broken("It is cut off.")
        packets += 1
        since_key = 1 if packet.is_keyframe else since_key + 1
        if packet.pts is not None and packet.time_base is not None:
            end_s = max(end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    return packets, since_key, end_s


def _decode_tail(container: InputContainer, stream: VideoStream, duration_s: float) -> None:
    container.seek(int(duration_s * av.time_base), backward=True)
    if not all(frame.is_corrupt for frame in container.decode(stream)):
        return
    container.seek(0)  # pictures that are refreshed bit by bit have no key frame to begin at but the first
    last = deque(container.decode(stream), maxlen=1)
    if not last or last[0].is_corrupt:
        raise _broken("Its last frames cannot be decoded.")


def _duration_s(container: InputContainer, stream: VideoStream) -> float:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return 0.0 if container.duration is None else container.duration / av.time_base


def _poster_frame(container: InputContainer, stream: VideoStream) -> VideoFrame | None:
    wanted = min(int(stream.frames * POSTER_AT), POSTER_FRAMES_MAX)
    chosen = None
    for index, frame in enumerate(container.decode(stream)):
        chosen = frame
        if index >= wanted:
            break
    return chosen


def _sha256(path: Path) -> str:
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
