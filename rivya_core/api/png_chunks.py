"""Split a PNG into chunks: those of the picture, those of its colours, and whether there are others.

Only the picture's chunks are passed to the decoder, so text chunks of any length, compressed or not, cost nothing and are no
reason to refuse the picture. Source: W3C PNG (Third Edition), sections 4.3 (which colour chunk wins) and 11.3.
"""

from __future__ import annotations

import io
import struct
import zlib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

_SIGNATURE_BYTES = 8
_PICTURE = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT"}
_COLOURS = {b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM"}
_HARMLESS = _PICTURE | _COLOURS | {b"sBIT", b"bKGD", b"hIST", b"pHYs", b"sPLT", b"mDCV", b"cLLI", b"mDCv", b"cLLi"}
_DEEP_BITS = 16


@dataclass(frozen=True, slots=True)
class PngChunks:
    """The parts of a PNG. pieces: start and end of the chunks to decode. colours: contents of the colour chunks by name."""

    pieces: tuple[tuple[int, int], ...]
    colours: dict[bytes, bytes] = field(default_factory=dict)
    exif: bytes = b""
    has_metadata: bool = False
    has_tail: bool = False
    is_deep: bool = False


def read_chunks(data: bytes) -> PngChunks:
    """Read the chunks. After damage the rest of the data is passed to the decoder, which reports it."""
    pieces = [(0, min(_SIGNATURE_BYTES, len(data)))]
    colours: dict[bytes, bytes] = {}
    exif = b""
    metadata = in_picture = is_deep = False
    at = _SIGNATURE_BYTES
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        name, end = data[at + 4 : at + 8], at + 12 + length
        if end > len(data):
            break
        if name == b"IHDR":
            is_deep = data[at + 16 : at + 17] == bytes([_DEEP_BITS])
        in_picture = in_picture or name == b"IDAT"
        if name in _PICTURE or name[:1].isupper():
            pieces.append((at, end))
        elif name in _COLOURS and not in_picture and _is_sound(data, at, end):
            colours.setdefault(name, data[at + 8 : end - 4])
        elif name == b"eXIf":
            exif = exif or data[at + 8 : end - 4]
        metadata = metadata or name not in _HARMLESS
        at = end
        if name == b"IEND":
            return PngChunks(tuple(pieces), colours, exif, metadata, at < len(data), is_deep)
    return PngChunks((*pieces, (at, len(data))), colours, exif, metadata, is_deep=is_deep)


def _is_sound(data: bytes, at: int, end: int) -> bool:
    return zlib.crc32(data[at + 4 : end - 4]) == int.from_bytes(data[end - 4 : end], "big")


def unpacked_profile(body: bytes, max_bytes: int) -> bytes | None:
    """Decompress the profile of an iCCP chunk; None when it is damaged or larger than ``max_bytes``."""
    _name, _, rest = body.partition(b"\x00")
    if rest[:1] != b"\x00":
        return None
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(rest[1:], max_bytes)
    except zlib.error:
        return None
    return profile if unpacker.eof and profile else None


def chromaticities(body: bytes) -> tuple[float, ...] | None:
    """Return x and y of white, red, green and blue of a cHRM chunk; None when it is too short."""
    return tuple(value / 100_000 for value in struct.unpack(">8I", body[:32])) if len(body) >= 32 else None  # noqa: PLR2004


class PicturePart(io.RawIOBase):
    """A read-only file over several ranges of one bytes object, without copying."""

    def __init__(self, data: bytes, pieces: Sequence[tuple[int, int]]) -> None:
        self._data = memoryview(data)
        self._pieces = pieces
        self._starts = [0, *accumulate(end - start for start, end in pieces)]
        self._at = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Set the position."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._starts[-1]}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # any writable buffer in typeshed
        """Fill a buffer from one range; return the number of bytes."""
        if self._at >= self._starts[-1]:
            return 0
        number = bisect_right(self._starts, self._at) - 1
        start, end = self._pieces[number]
        start += self._at - self._starts[number]
        count = min(len(buffer), end - start)
        buffer[:count] = self._data[start : start + count]
        self._at += count
        return count
