"""Part files: files being written, before they get their name in the archive.

Processes that share a data folder each have a folder of their own, locked for the life of the process, so that cleaning up
after a crash never removes a part that a living process still writes.
"""

from __future__ import annotations

import shutil
import uuid
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from rivya_core.lab.media.disk_words import telling
from rivya_core.private_files import FILE_MODE, make_file, make_folder


class Parts:
    """Part files below one folder. ``shared``: other processes work in it at the same time."""

    def __init__(self, root: Path, *, shared: bool) -> None:
        self._root = root
        self._lock: FileLock | None = None
        with telling(root):
            make_folder(root)
            if shared:
                self._folder = root / uuid.uuid4().hex[:12]
                self._lock = _lock_of(self._folder)
                self._lock.acquire(timeout=0)
                make_folder(self._folder)
            else:
                self._folder = root

    def new(self, name: str) -> Path:
        """Make an empty part file; ``name``: how it is called apart from its random end."""
        with telling(self._folder):
            make_folder(self._folder)
            return make_file(self._folder / f"{name}.{uuid.uuid4().hex[:12]}.part")

    def remove_left(self) -> int:
        """Remove part files that crashed processes left; return how many.

        A folder that is not shared belongs to the process that runs the jobs, and only that one may call this.
        """
        if self._lock is None:
            return _remove(self._root)
        removed = 0
        for folder in self._root.iterdir():
            if not folder.is_dir() or folder == self._folder:
                continue
            lock = _lock_of(folder)
            with suppress(Timeout, OSError), lock.acquire(timeout=0):
                removed += _remove(folder)
                shutil.rmtree(folder, ignore_errors=True)
                Path(lock.lock_file).unlink(missing_ok=True)
        return removed

    def close(self) -> None:
        """Give back the folder of this process; parts that are left in it go at the next tidying."""
        if self._lock is None:
            return
        with suppress(OSError):
            self._folder.rmdir()
            Path(self._lock.lock_file).unlink(missing_ok=True)
        self._lock.release()


def _lock_of(folder: Path) -> FileLock:
    return FileLock(folder.with_suffix(".lock"), mode=FILE_MODE, thread_local=False)


def _remove(folder: Path) -> int:
    removed = 0
    for part in folder.glob("*.part"):
        with suppress(OSError):
            part.unlink()
            removed += 1
    return removed
