"""Streaming ZIP: written while it is sent, with one block of one file in memory at a time."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

BLOCK_BYTES: Final = 256 * 1024
FIRST_DAY: Final = (1980, 1, 1, 0, 0, 0)
UNIX: Final = 3


def undated(name: str, size_bytes: int = 0) -> zipfile.ZipInfo:
    """A member with the same day and system wherever it is written, so that the same files give the same archive.

    ``size_bytes``: how large it will be, where it may be over 2 GB.
    """
    info = zipfile.ZipInfo(name, FIRST_DAY)
    info.create_system = UNIX
    info.file_size = size_bytes
    return info


def blocks(path: Path) -> Iterator[bytes]:
    """The bytes of a file, one block at a time."""
    with path.open("rb") as source:
        while block := source.read(BLOCK_BYTES):
            yield block


class Pieces(io.RawIOBase):
    """Where an archive is written to, and taken from before the next block comes."""

    def __init__(self) -> None:
        super().__init__()
        self._buffer = bytearray()

    def writable(self) -> bool:
        """Say that it is written to; it cannot be sought in, so that sizes follow their files."""
        return True

    def write(self, piece: bytes) -> int:  # type: ignore[override]  # zipfile writes bytes only
        """Keep a piece."""
        self._buffer += piece
        return len(piece)

    def taken(self) -> bytes:
        """Return the buffered bytes and clear the buffer."""
        data = bytes(self._buffer)
        self._buffer.clear()
        return data
