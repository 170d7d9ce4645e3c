"""Detect the container of a clip by its signature, never by its name or Content-Type."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rivya_core.api.signatures import HEAD_BYTES, sniff


@dataclass(frozen=True, slots=True)
class Container:
    """A kind of file: how its key ends, what a browser is told it is, FFmpeg's names of what reads and writes it."""

    suffix: str
    media_type: str
    demuxer: str
    muxer: str


MP4: Final = Container(".mp4", "video/mp4", "mp4", "mp4")
BY_TYPE: Final = {
    container.media_type: container
    for container in (
        MP4,
        Container(".mov", "video/quicktime", "mp4", "mov"),
        Container(".webm", "video/webm", "matroska", "webm"),
        Container(".mkv", "video/x-matroska", "matroska", "matroska"),
    )
}
SUFFIXES: Final = {container.suffix: container for container in BY_TYPE.values()}


def container_of(path: Path) -> Container | None:
    """Return the container of a file by its signature; None when it is no known video."""
    with path.open("rb") as file:
        return BY_TYPE.get(sniff(file.read(HEAD_BYTES)) or "")


def container_of_key(key: str) -> Container:
    """Return the container of an archived clip by the suffix of its key."""
    return SUFFIXES.get(Path(key).suffix, MP4)
