"""Unpack what a server packed: at most one coding, piece by piece, so that a small body cannot fill the memory.

Nothing packed is asked for; a server or a proxy on the way may do it all the same.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Protocol

PIECE_BYTES = 65_536
"""The most that is unpacked at once."""
_MEMBERS_MAX = 1000  # each costs time, and may hold nothing

_GZIP = {"gzip", "x-gzip"}
_OTHERS = {"br", "zstd", "compress", "x-compress", "dcb", "dcz"}
_GZIP_START = b"\x1f\x8b"


class PackingError(ValueError):
    """Say why a body cannot be unpacked."""


class Unpacker(Protocol):
    """Takes a body as it arrives and gives it back as it was before it was packed."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield pieces of at most ``PIECE_BYTES``, unpacked only as they are taken."""

    def end(self) -> None:
        """Raise PackingError when the body ended too early."""


def unpacker(content_encodings: Sequence[str]) -> Unpacker:
    """Return what unpacks a body with these ``Content-Encoding`` headers.

    Names that are no coding (``utf-8``, ``aws-chunked``) are seen on the web and mean nothing.

    Raises:
        PackingError: it is packed more than once, or in a way that was not asked for.
    """
    names = [name.strip().lower() for value in content_encodings for name in value.split(",")]
    packed = [name for name in names if name in _GZIP or name == "deflate" or name in _OTHERS]
    if len(packed) > 1:
        raise PackingError("it is compressed more than once")
    if not packed:
        return _AsItIs()
    if packed[0] in _OTHERS:
        raise PackingError(f"it is compressed as {packed[0]}, which was not asked for")
    return _Gzip() if packed[0] in _GZIP else _Deflate()


def is_packed(content_encodings: Sequence[str]) -> bool:
    """True when the announced length is not that of the content."""
    try:
        return not isinstance(unpacker(content_encodings), _AsItIs)
    except PackingError:
        return True


class _AsItIs:
    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data

    def end(self) -> None:
        """Every end is right; the length is checked elsewhere."""


class _Gzip:
    """One gzip member or several; what follows the last is no content."""

    def __init__(self) -> None:
        self._members = 1
        self._inflate = zlib.decompressobj(31)
        self._is_over = False
        self._between = b""  # the first byte after a member, until the second says whether another one begins
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data and not self._is_over:
            if self._inflate.eof:
                data = self._between + data
                if len(data) < len(_GZIP_START):
                    self._between = data
                    return
                self._between = b""
                if not data.startswith(_GZIP_START):
                    self._is_over = True
                    return
                self._members += 1
                if self._members > _MEMBERS_MAX:
                    raise PackingError("it is compressed in too many parts")
                self._inflate = zlib.decompressobj(31)
            self._begun = True
            yield from _inflated(self._inflate, data)
            data = self._inflate.unused_data

    def end(self) -> None:
        if self._begun and not self._inflate.eof:
            raise PackingError("its compressed form is cut off")


class _Deflate:
    """With zlib's frame, as the standard says, or without it, as some servers send it."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj()
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        if not self._begun and data:
            self._begun = True
            if data[0] & 0x0F != zlib.DEFLATED:
                self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        if not self._inflate.eof:
            yield from _inflated(self._inflate, data)

    def end(self) -> None:
        if self._begun and not self._inflate.eof:
            raise PackingError("its compressed form is cut off")


def _inflated(inflate: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    try:
        while data:
            piece = inflate.decompress(data, PIECE_BYTES)
            if piece:
                yield piece
            data = inflate.unconsumed_tail
            if inflate.eof:
                return
        while piece := inflate.decompress(b"", PIECE_BYTES):
            yield piece
    except zlib.error as error:
        raise PackingError("its compressed form is damaged") from error
