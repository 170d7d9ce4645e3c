"""An LRU cache of stored files on the local disk. Safe for several processes in one folder.

A copy gets its name only when it is complete. Files used within the last minutes are never evicted, even if the cache exceeds
its limit: a path that was handed out must stay valid until the caller opens it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from rivya_core.lab.media.disk_words import telling
from rivya_core.private_files import make_folder

MIN_AGE_S: Final = 900.0
"""How long a path that was handed out leads to its file."""


class FileCache:
    """Files by name below one folder, ``limit_bytes`` together."""

    def __init__(self, root: Path, limit_bytes: int, *, clock: Callable[[], float] = time.time) -> None:
        self._root = root
        self._limit_bytes = limit_bytes
        self._clock = clock
        with telling(root):
            make_folder(root)

    def find(self, name: str) -> Path | None:
        """Return the copy with this name and count it as used; None when there is none."""
        path = self._root / name
        now_s = self._clock()
        try:
            os.utime(path, (now_s, now_s))
        except OSError:
            return None
        return path

    def add(self, part: Path, name: str) -> Path:
        """Move a finished part file (same file system) into the cache under this name, and evict to the limit."""
        path = self._root / name
        with telling(path):
            now_s = self._clock()
            os.utime(part, (now_s, now_s))
            part.replace(path)
        self._make_room()
        return path

    def _make_room(self) -> None:
        files: list[tuple[float, int, str]] = []
        with suppress(OSError), os.scandir(self._root) as entries:
            for entry in entries:
                with suppress(OSError):  # another process removed it
                    facts = entry.stat()
                    files.append((facts.st_mtime, facts.st_size, entry.path))
        over_bytes = sum(size for _, size, _ in files) - self._limit_bytes
        before_s = self._clock() - MIN_AGE_S
        for used_s, size, path in sorted(files):
            if over_bytes <= 0 or used_s > before_s:
                return
            with suppress(OSError):
                Path(path).unlink()
            over_bytes -= size
