"""The storage interface of the archive; a folder and a bucket implement it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rivya_core.api.errors import StorageError


@dataclass(frozen=True, slots=True)
class Facts:
    """Size of a stored file, and when it was stored, in nanoseconds since 1970."""

    size_bytes: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A file that is not on this machine's disk. ``name``: the last part of its key.

    ``read``: its bytes from a start to before an end; blocks. ``etag`` is the store's own, in quotes: it changes with the bytes, and is the same for every reader.
    """

    name: str
    size_bytes: int
    etag: str
    modified_s: float
    read: Callable[[int, int], bytes]


class Store(Protocol):
    """Files by key. Every method may be called from any thread and process, blocks, and raises StorageError in words."""

    def put(self, part: Path, key: str) -> Path:
        """Store a finished part file under its key, durably and checked, and remove the part; return a local path of it."""
        ...

    def copy(self, key: str, part: Path) -> None:
        """Make the part file a copy of a stored file, one that survives its replacement or removal."""
        ...

    def facts(self, key: str) -> Facts | None:
        """Size and time of a stored file; None when there is none."""
        ...

    def may_exist(self, key: str) -> bool:
        """Return False when the file is known to be missing; asks no network, so pages may call it."""
        ...

    def gone(self, key: str) -> StorageError:
        """Return the words for a file that a row refers to and that is missing."""
        ...

    def local(self, key: str) -> Path:
        """Return a local path of a stored file, to be read within minutes."""
        ...

    def serve(self, key: str) -> Path | StoredObject:
        """Return what a route streams from."""
        ...

    def delete(self, key: str) -> bool:
        """Remove a stored file; False when there was none."""
        ...

    def condition(self) -> str | None:
        """Return what is wrong with the store in words, None when nothing is known to be; asks no network itself."""
        ...

    def close(self) -> None:
        """End what works in the background."""
        ...


def is_unreachable(error: Exception) -> bool:
    """True when the store of a shared archive failed, which says nothing about the file that was asked for."""
    return getattr(error, "field", None) == "archive_url"
