"""Limits on a video file before a demuxer opens it: samples, tracks, tables, picture size, length.

A few bytes may declare millions of samples, and a demuxer allocates for them. So the tables are counted here first, by plain
bounded reads. A clip over a limit is archived as it is and never opened.

``opened`` is the only way in which a file from elsewhere may be opened. The demuxer is given explicitly and never probed,
since a probed one (a playlist, say) may open other files. No decoder runs while a file is opened, and none decodes a picture
larger than the limit.
"""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice, pairwise
from pathlib import Path
from typing import BinaryIO, Final

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from rivya_core.lab.media.containers import MP4, Container, container_of

INDEX_MAX_BYTES: Final = 8_000_000
"""Most bytes of an MP4's index; real clips need less than a tenth."""

EBML_INDEX_MAX_BYTES: Final = 2_000_000
SAMPLES_MAX: Final = 2_000_000  # of all tracks; uncompressed sound has one for each of its moments
PICTURES_MAX: Final = 20_000
SAMPLE_MAX_BYTES: Final = 50_000_000
ELEMENTS_MAX: Final = 500_000
ENTRIES_MAX: Final = 1_000  # of lists that are short in every real clip
TRACKS_MAX: Final = 16
TABLES_MAX: Final = 5_000
LENGTH_MAX_S: Final = 600.0

NESTED_MAX: Final = 10
PIXELS_MAX: Final = 4096 * 2304
STRICT: Final = "crccheck+explode"
MICROSECONDS: Final = 1_000_000  # FFmpeg's unit for the length of a file
CODECS: Final = {
    "h264",
    "hevc",
    "vp8",
    "vp9",
    "av1",
    "mpeg4",
    "mjpeg",
    "prores",
    "mpeg2video",
    "mpeg1video",
    "h263",
    "png",
}

_PARENTS: Final = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts", b"udta", b"mvex", b"moof", b"traf"}
_BULK: Final = {b"mdat", b"free", b"skip", b"wide"}
_TABLES: Final = re.compile(rb"stsz|stz2|stts|ctts|stsc|stco|co64|stss|stps|trun|elst|keys|trak|cmov")
_SEGMENT, _CLUSTER, _VOID = 0x18538067, 0x1F43B675, 0xEC
_IN_CLUSTER: Final = {0xA3, 0xA0, 0xE7, 0xA7, 0xAB, 0x5854, 0xAF, 0xBF}


class CutError(ValueError):
    """The file ends before what it declares."""


class TooMuchError(ValueError):
    """The file declares more than any real clip contains; the sentence says what."""


class NoPicturesError(ValueError):
    """A file holds no video track that can be read."""


@contextmanager
def opened(
    path: Path, *, every_frame: bool = False, strict: bool = False
) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a clip and its pictures.

    ``every_frame``: also those that an edit list skips. ``strict``: a decoder error ends the decoding instead of being
    concealed; decoding from the middle meets some in intact clips, too.

    Raises:
        CutError: it ends too early. TooMuchError: it must not be opened. Both are a ValueError.
        FFmpegError, ValueError, EOFError: it cannot be read.
    """
    container = container_of(path)
    if container is None:
        raise ValueError(path.suffix)
    check_index(path, container)
    options = {"codec_whitelist": "none", "max_streams": str(2 * TRACKS_MAX)}
    if every_frame and container.demuxer == MP4.demuxer:
        options["ignore_editlist"] = "1"
    with av.open(str(path), format=container.demuxer, options=options) as file:
        stream = _pictures(file)
        check_stream(stream, length_s(file, stream))
        # Starting decoder threads costs more than it saves for a few frames.
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"max_pixels": str(PIXELS_MAX)} | ({"err_detect": STRICT} if strict else {})
        yield file, stream


def _pictures(file: InputContainer) -> VideoStream:
    """Return the video track that a player shows: the default one, never a cover picture."""
    cover = Disposition.attached_pic | Disposition.timed_thumbnails
    streams = [stream for stream in file.streams.video if not stream.disposition & cover and stream.codec_context]
    if not streams:
        raise NoPicturesError
    return next((stream for stream in streams if stream.disposition & Disposition.default), streams[0])


def check_stream(stream: VideoStream, duration_s: float) -> None:
    """Check a stream against the limits before anything is decoded. Raises TooMuchError."""
    codec = stream.codec_context
    if codec.width * codec.height > PIXELS_MAX:
        raise TooMuchError(f"Its picture is {codec.width} by {codec.height} pixels.")
    if stream.frames > PICTURES_MAX:
        raise TooMuchError(f"It announces {stream.frames:,} pictures.")
    if duration_s > LENGTH_MAX_S:
        raise TooMuchError(f"It says that it is {duration_s:,.0f} seconds long.")
    if codec.codec.canonical_name not in CODECS:
        raise TooMuchError(f"Its pictures are coded as {codec.codec.canonical_name}.")


def length_s(container: InputContainer, stream: VideoStream) -> float:
    """Return the declared length of a clip in seconds; 0 when it declares none."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return 0.0 if container.duration is None else container.duration / MICROSECONDS


def check_index(path: Path, container: Container) -> None:
    """Check what a file declares against the limits.

    Raises:
        CutError: it ends too early. TooMuchError: it must not be opened.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if container.demuxer == MP4.demuxer:
            index = _boxes(file, size)
            _check_nesting(index, 0, len(index), 0)
            _check_tables(index)
        else:
            _check_elements(file, size)


def _boxes(file: BinaryIO, size: int) -> bytes:
    """Return all top-level boxes except those that contain the pictures themselves."""
    index, at, count = bytearray(), 0, 0
    while at + 8 <= size:
        file.seek(at)
        head = file.read(16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        length = length or size - at
        if not kind.isascii() or not kind.decode("ascii").isprintable():
            break  # trailing bytes after the last box belong to nothing
        if length < 8 or at + length > size:  # noqa: PLR2004 - a box's own head
            raise CutError
        count += 1
        if kind not in _BULK:
            if len(index) + length > INDEX_MAX_BYTES:
                raise TooMuchError(f"What describes its pictures is larger than {INDEX_MAX_BYTES // 1_000_000} MB.")
            file.seek(at)
            index += file.read(length)
        if count > ELEMENTS_MAX:
            raise TooMuchError("It is made of too many parts.")
        at += length
    return bytes(index)


def _check_nesting(index: bytes, at: int, end: int, depth: int) -> None:
    """Check that the children of every box fill it exactly; a file with an overwritten index fails this."""
    if depth > NESTED_MAX:
        raise TooMuchError("Its parts are nested too deeply.")
    while at < end:
        length, kind = _number(index, at), index[at + 4 : at + 8]
        if length == 0 and end - at == 4:  # noqa: PLR2004 - how QuickTime may end a list
            return
        if length == 0 and depth == 0:
            length = end - at
        wide = 16 if length == 1 else 8
        if length == 1:
            length = int.from_bytes(index[at + 8 : at + 16], "big")
        if length < wide or at + length > end or kind == bytes(4):
            raise CutError
        if kind in _PARENTS:
            _check_nesting(index, at + wide, at + length, depth + 1)
        at += length


def _check_tables(index: bytes) -> None:
    """Count tables by searching for their names anywhere, so that the result does not depend on how a demuxer finds them."""
    matches = [(match[0], match.end()) for match in islice(_TABLES.finditer(index), TABLES_MAX + 1)]
    counts: dict[bytes, int] = {}
    for kind, at in matches:
        counts[kind] = counts.get(kind, 0) + _announced(index, kind, at)
    runs = [_numbers(index, at + 8, 3 * _number(index, at + 4)) for kind, at in matches if kind == b"stsc"]
    chunks = {_number(index, at + 4) for kind, at in matches if kind in {b"stco", b"co64"}}
    tracks = max(counts.pop(b"trak", 0), len(runs))
    if b"cmov" in counts:
        raise TooMuchError("What describes its pictures is compressed.")
    if tracks > TRACKS_MAX:
        raise TooMuchError(f"It has {tracks} tracks.")
    if len(matches) > TABLES_MAX or max(counts.get(b"elst", 0), counts.get(b"keys", 0)) > ENTRIES_MAX:
        raise TooMuchError("Its lists are too long.")
    spread = (_in_chunks(run, count) for run in runs for count in chunks)
    largest = max([*spread, *counts.values()], default=0)
    if largest > SAMPLES_MAX:
        raise TooMuchError(f"It announces {largest:,} pictures or pieces of sound.")


def _announced(index: bytes, kind: bytes, at: int) -> int:
    """Return how many entries or samples a table declares; ``at``: the position after its name."""
    if kind in {b"trak", b"cmov"}:
        return 1
    if kind in {b"stsz", b"stz2"}:
        entries = _number(index, at + 8)
        _check_sizes(index, at, entries, is_plain=kind == b"stsz")
        return entries
    entries = _number(index, at + 4)
    return max(entries, sum(_numbers(index, at + 8, 2 * entries)[::2])) if kind in {b"stts", b"ctts"} else entries


def _in_chunks(run: array[int], chunks: int) -> int:
    """Return how many samples the run-length entries of a table describe for this many chunks."""
    firsts, counts = run[0::3], run[1::3]
    if any(after <= before for before, after in pairwise(firsts)):
        return max(counts, default=0) * chunks
    ends = [*firsts[1:], chunks + 1]
    return sum(
        count * max(0, min(end, chunks + 1) - first) for first, count, end in zip(firsts, counts, ends, strict=False)
    )


def _check_sizes(index: bytes, at: int, entries: int, *, is_plain: bool) -> None:
    one = _number(index, at + 4)
    sizes = _numbers(index, at + 12, entries) if is_plain and not one else array("I", [one if is_plain else 0])
    if max(sizes, default=0) > SAMPLE_MAX_BYTES:
        raise TooMuchError("One of its pictures is too large.")


def _number(index: bytes, at: int) -> int:
    return int.from_bytes(index[at : at + 4], "big")


def _numbers(index: bytes, at: int, count: int) -> array[int]:
    numbers = array("I", index[at : at + 4 * min(count, (len(index) - at) // 4)])
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


def _check_elements(file: BinaryIO, size: int) -> None:
    """Walk Matroska's segment and clusters; everything beside the pictures must be small."""
    index_bytes = 0
    for number, (kind, length) in enumerate(_elements(file, size)):
        if number > ELEMENTS_MAX:
            raise TooMuchError("It is made of too many parts.")
        if length > SAMPLE_MAX_BYTES and kind != _VOID:
            raise TooMuchError("One of its pictures is too large.")
        if kind not in {*_IN_CLUSTER, _VOID}:
            index_bytes += length
        if index_bytes > EBML_INDEX_MAX_BYTES:
            raise TooMuchError(f"What describes its pictures is larger than {EBML_INDEX_MAX_BYTES // 1_000_000} MB.")


def _elements(file: BinaryIO, size: int) -> Iterator[tuple[int, int]]:
    """Kind and length of all elements down to those of a cluster. Segment and clusters may be open-ended."""
    at = 0
    while at < size:
        file.seek(at)
        head = file.read(12)
        id_bytes = 9 - head[0].bit_length()
        length_bytes = 9 - head[id_bytes : id_bytes + 1].ljust(1, b"\0")[0].bit_length()
        start = at + id_bytes + length_bytes
        if id_bytes > 4 or length_bytes > 8 or start > size:  # noqa: PLR2004 - RFC 8794
            raise CutError
        kind = int.from_bytes(head[:id_bytes], "big")
        length = int.from_bytes(head[id_bytes : id_bytes + length_bytes], "big") & ((1 << 7 * length_bytes) - 1)
        is_open = length == (1 << 7 * length_bytes) - 1
        has_children = kind in {_SEGMENT, _CLUSTER}
        if (is_open and not has_children) or (not is_open and start + length > size):
            raise CutError
        yield kind, 0 if has_children else length
        at = start if has_children else start + length
