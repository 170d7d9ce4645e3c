"""Answer with a file that is not on this disk as Starlette answers with one that is: Range, If-Range, HEAD, several ranges."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import Any, Final, Protocol

import anyio.to_thread
from starlette.responses import FileResponse
from starlette.types import Send

PIECE_BYTES: Final = 2**20


class Stored(Protocol):
    """A file elsewhere: its size, its ETag in quotes, when it was stored, and its bytes from a start to before an end."""

    @property
    def size_bytes(self) -> int: ...  # noqa: D102 - see the class
    @property
    def etag(self) -> str: ...  # noqa: D102
    @property
    def modified_s(self) -> float: ...  # noqa: D102
    @property
    def read(self) -> Callable[[int, int], bytes]: ...  # noqa: D102


class StoredFile(FileResponse):
    """Stream a stored file; each piece is read on a worker thread, so a slow browser holds no connection to the store."""

    chunk_size = PIECE_BYTES

    def __init__(self, stored: Stored, **options: Any) -> None:
        self._stored = stored
        facts = (stat.S_IFREG, 0, 0, 0, 0, 0, stored.size_bytes, *[int(stored.modified_s)] * 3)
        super().__init__("stored", stat_result=os.stat_result(facts), **options)

    def set_stat_headers(self, stat_result: os.stat_result) -> None:
        """Set length, time and ETag as the store tells them: they are the same whichever server answers."""
        self.headers.setdefault("content-length", str(stat_result.st_size))
        self.headers.setdefault("last-modified", formatdate(stat_result.st_mtime, usegmt=True))
        self.headers.setdefault("etag", self._stored.etag)

    async def _handle_simple(self, send: Send, send_header_only: bool, send_pathsend: bool) -> None:  # noqa: ARG002 - no path
        await super()._handle_simple(send, send_header_only, send_pathsend=False)

    @asynccontextmanager
    async def _open_file(self) -> AsyncIterator[Any]:
        yield _Reader(self._stored)


class _Reader:
    """What Starlette uses of an open file."""

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self._at = 0

    async def seek(self, offset: int) -> None:
        self._at = offset

    async def read(self, size: int) -> bytes:
        end = min(self._at + size, self._stored.size_bytes)
        if end <= self._at:
            return b""
        piece = await anyio.to_thread.run_sync(self._stored.read, self._at, end)
        self._at = end
        return piece
