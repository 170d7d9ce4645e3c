"""Decompress response bodies piece by piece, so that a small body cannot fill the memory (decompression bomb).

Requests say ``Accept-Encoding: identity``, but a server or a proxy may compress all the same. At most one coding is accepted.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Protocol

PIECE_BYTES = 65_536
"""Largest decompressed piece."""
_MEMBERS_MAX = 1000  # of gzip, RFC 1952, section 2.2; empty members cost time without adding to the size

_GZIP = {"gzip", "x-gzip"}
_OTHERS = {"br", "zstd", "compress", "x-compress", "dcb", "dcz"}
_GZIP_START = b"\x1f\x8b"


class PackingError(ValueError):
    """A body cannot be decompressed; the text continues a sentence about it."""


class Unpacker(Protocol):
    """Decompresses a body as it arrives."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield decompressed pieces of at most ``PIECE_BYTES``, each decompressed when it is requested."""

    def end(self) -> None:
        """Raise PackingError when the body ended too early."""


def unpacker(content_encodings: Sequence[str]) -> Unpacker:
    """Return the decompressor for these ``Content-Encoding`` headers.

    Servers in the wild also send values that are no coding (``utf-8``, ``aws-chunked``); they are ignored.

    Raises:
        PackingError: the body has several codings, or one that is not supported.
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
    """Return whether the body is compressed, so that ``Content-Length`` is not the size of the content."""
    try:
        return not isinstance(unpacker(content_encodings), _AsItIs)
    except PackingError:
        return True


class _AsItIs:
    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data

    def end(self) -> None:
        """Do nothing: the length is checked by the caller."""


class _Gzip:
    """One or more gzip members (RFC 1952, section 2.2); data after the last one is ignored."""

    def __init__(self) -> None:
        self._members = 1
        # 15 bits of window, and 16 for the gzip format (zlib manual, inflateInit2)
        self._inflate = zlib.decompressobj(31)
        self._is_over = False
        self._between = b""  # a first byte after a member, until the second tells whether another member begins
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
    """The "deflate" coding: in zlib format, as RFC 9110, section 8.4.1.2 says, or raw, as some servers send it."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj()
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        if not self._begun and data:
            self._begun = True
            if (
                data[0] & 0x0F != zlib.DEFLATED
            ):  # RFC 1950, section 2.2: the low bits of the first byte are the method, 8
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
