"""Copies of clips without metadata, for blind votes.

A service may write ids, times or the prompt into its files. A voter's browser gets a copy with the same coded pictures in a
new container: no title, no creation time, no provenance, no sound, and no metadata units in the video stream either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import av
from av.bitstream import BitStreamFilterContext
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from rivya_core.api.errors import LabError
from rivya_core.lab.media.archive import Archive
from rivya_core.lab.media.coded_pictures import layout_of, only_pictures, only_tables
from rivya_core.lab.media.containers import SUFFIXES, Container, container_of_key
from rivya_core.lab.media.stored import Facts
from rivya_core.lab.media.video_limits import opened

OPTIONS: Final = {"fflags": "+bitexact"}
FASTSTART: Final = {"movflags": "faststart"}
SILENT: Final = {"vp8", "vp9", "prores"}
"""Codecs whose bitstream has no place for metadata."""

USER_DATA: Final = re.compile(
    rb"\x00\x00\x01\xb2.*?(?=\x00\x00\x01|$)", re.DOTALL
)  # ISO 14496-2 and 13818-2, user_data_start_code
WITH_USER_DATA: Final = {"mpeg4", "mpeg2video", "mpeg1video"}
AV1_REMARKS: Final = "filter_units=remove_types=5|15"  # metadata and padding, AV1 6.2.2


def neutral_copy(archive: Archive, clip_key: str, generation_id: str) -> str:
    """Return the key of the copy of a clip for voters, made at the first call within milliseconds, and again for a newer file.

    Raises:
        LabError: the file cannot be read, so it is not shown. StorageError: no room for the copy.
    """
    container = container_of_key(clip_key)
    key = _key(generation_id, container)
    if _is_newer(archive.facts(key), archive.facts(clip_key)):
        return key
    part = archive.part_path(key)
    try:
        with archive.open_local(clip_key) as source:
            _strip(source, part, container)
        archive.commit_part(part, key)
    except (FFmpegError, ValueError, OSError, StopIteration) as error:
        raise LabError("This clip cannot be shown blind", "Its pictures cannot be copied.", field="clip") from error
    finally:
        part.unlink(missing_ok=True)
    return key


def remove_copies(archive: Archive, generation_ids: Iterable[str]) -> None:
    """Remove the copies of some clips; they are made again when needed."""
    for generation_id in generation_ids:
        for container in SUFFIXES.values():
            archive.delete(_key(generation_id, container))


def _key(generation_id: str, container: Container) -> str:
    return f"ballots/{generation_id}.bare{container.suffix}"


def _is_newer(copy: Facts | None, source: Facts | None) -> bool:
    return copy is not None and source is not None and copy.modified_ns >= source.modified_ns


def _strip(source: Path, target: Path, container: Container) -> None:
    size_px, decode_times = _untold(source)
    options = OPTIONS | (FASTSTART if container.suffix in {".mp4", ".mov"} else {})
    with (
        opened(source) as (whole, pictures),
        av.open(str(target), "w", format=container.muxer, options=options) as bare,
    ):
        strip = _stripper(pictures)
        stream = bare.add_stream_from_template(pictures, opaque=True)
        stream.metadata.clear()
        codec = pictures.codec_context
        if codec.extradata:
            stream.codec_context.extradata = only_tables(codec.codec.canonical_name, _silent(codec.extradata, pictures))
        stream.codec_context.width, stream.codec_context.height = size_px
        for packet in whole.demux(pictures):
            if not packet.size:
                continue
            packet.dts = next(decode_times)
            for part in strip(packet):
                part.stream = stream
                bare.mux(part)


def _untold(source: Path) -> tuple[tuple[int, int], Iterator[int | None]]:
    """Fill in what not every container provides: picture size, and decoding times, which are in order here."""
    with opened(source) as (whole, pictures):
        size_px = (pictures.codec_context.width, pictures.codec_context.height)
        if not all(size_px):
            first = next(whole.decode(pictures))
            size_px = (first.width, first.height)
            whole.seek(0)
        times = [(packet.dts, packet.pts) for packet in whole.demux(pictures) if packet.size]
    if all(decoded is not None for decoded, _ in times):
        return size_px, iter([decoded for decoded, _ in times])
    shown = [pts for _, pts in times if pts is not None]
    if len(shown) < len(times):
        raise ValueError("a picture without a time")
    late = max((early - pts for early, pts in zip(sorted(shown), shown, strict=True)), default=0)
    return size_px, iter([early - late for early in sorted(shown)])


def _stripper(pictures: VideoStream) -> Callable[[Packet[Any]], list[Packet[Any]]]:
    """Return the bitstream filter that removes metadata from the packets of a track. Raises ValueError for an unsupported codec."""
    codec = pictures.codec_context
    name = codec.codec.canonical_name
    layout = layout_of(name, codec.extradata)
    if layout is not None:
        return lambda packet: _replaced(packet, only_pictures(bytes(packet), layout))
    if name == "av1":
        remarks = BitStreamFilterContext(AV1_REMARKS, pictures)
        return remarks.filter
    if name in WITH_USER_DATA:
        return lambda packet: _replaced(packet, _silent(bytes(packet), pictures))
    if name in SILENT:
        return lambda packet: [packet]
    raise ValueError(name)


def _silent(data: bytes, pictures: VideoStream) -> bytes:
    return USER_DATA.sub(b"", data) if pictures.codec_context.codec.canonical_name in WITH_USER_DATA else data


def _replaced(packet: Packet[Any], data: bytes) -> list[Packet[Any]]:
    if not data:
        return []
    other: Packet[Any] = Packet(data)
    other.pts, other.dts, other.duration = packet.pts, packet.dts, packet.duration
    other.time_base, other.is_keyframe = packet.time_base, packet.is_keyframe
    return [other]
