"""Copies of clips that tell nothing but their pictures.

A service may write ids, times or the prompt into a file it makes. A voter's browser gets a copy with the same coded pictures in
a container made anew: no title, no time of making, no provenance, no sound.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import av
from av.error import FFmpegError

from rivya_core.api.errors import LabError
from rivya_core.lab.archive import Archive

OPTIONS: Final = {"movflags": "faststart", "fflags": "+bitexact"}


def neutral_copy(archive: Archive, clip_key: str, generation_id: str) -> Path:
    """Return the copy of a clip for voters, made at the first call in some milliseconds.

    Raises:
        LabError: the file cannot be read; it is not shown then. StorageError: no room for the copy.
    """
    key = _key(generation_id)
    if archive.exists(key):
        return archive.path(key)
    part = archive.part_path(key)
    try:
        _strip(archive.path(clip_key), part)
        return archive.commit_part(part, key)
    except (FFmpegError, ValueError) as error:
        raise LabError("This clip cannot be shown blind", "Its pictures cannot be copied.", field="clip") from error
    finally:
        part.unlink(missing_ok=True)


def remove_copies(archive: Archive, generation_ids: Iterable[str]) -> None:
    """Remove the copies of some clips; they are made again when needed."""
    for generation_id in generation_ids:
        archive.delete(_key(generation_id))


def _key(generation_id: str) -> str:
    return f"ballots/{generation_id}.mp4"


def _strip(source: Path, target: Path) -> None:
    with (
        av.open(str(source), format="mp4") as whole,
        av.open(str(target), "w", format="mp4", options=OPTIONS) as bare,
    ):
        pictures = whole.streams.video[0]
        stream = bare.add_stream_from_template(pictures)
        stream.metadata.clear()
        for packet in whole.demux(pictures):
            if packet.dts is None:
                continue
            packet.stream = stream
            bare.mux(packet)
