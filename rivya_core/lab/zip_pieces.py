"""A ZIP that is written while it is sent: one block of one file is in memory, however much there is to come."""

from __future__ import annotations

import io
from typing import Final

BLOCK_BYTES: Final = 256 * 1024


class Pieces(io.RawIOBase):
    """Where an archive is written to, and taken from before the next block comes."""

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()

    def writable(self) -> bool:
        """Say that it is written to; it cannot be sought in, so that sizes follow their files."""
        return True

    def write(self, piece: bytes) -> int:  # type: ignore[override]  # zipfile writes bytes only
        """Keep a piece."""
        self._held += piece
        return len(piece)

    def taken(self) -> bytes:
        """Hand out what is held."""
        held = bytes(self._held)
        self._held.clear()
        return held
