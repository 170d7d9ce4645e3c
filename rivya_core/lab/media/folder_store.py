"""The archive's files in a folder of this machine.

Files appear atomically and durably: written under a part name in the same file system, fsynced, renamed, and the folder
fsynced.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from rivya_core.api.durable import sync_file, sync_folder
from rivya_core.api.errors import StorageError
from rivya_core.lab.media.disk_words import telling
from rivya_core.lab.media.stored import Facts
from rivya_core.private_files import make_folder


class FolderStore:
    """Files under one folder; see ``Store``."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, part: Path, key: str) -> Path:
        """Rename a finished part file to its key, durably; an existing file is replaced."""
        target = self._root / key
        with telling(target):
            _sync_file(part)
            _make_folder(target.parent)
            part.replace(target)
            sync_folder(target.parent)
        return target

    def copy(self, key: str, part: Path) -> None:
        """Make the part a hard link to the file of a key, or a copy of it on file systems without hard links."""
        source = self._root / key
        with telling(source):
            try:
                part.unlink()
                os.link(source, part)
            except FileNotFoundError:
                raise
            except OSError:
                _copy(source, part)

    def facts(self, key: str) -> Facts | None:
        """Size and time of a file; None when there is none."""
        path = self._root / key
        if not path.is_file():
            return None
        with telling(path):
            stat = path.stat()
        return Facts(stat.st_size, stat.st_mtime_ns)

    def may_exist(self, key: str) -> bool:
        """Return whether the file exists."""
        return (self._root / key).is_file()

    def local(self, key: str) -> Path:
        """Return the path of a file. Raises StorageError when it is missing."""
        path = self._root / key
        if not path.is_file():
            raise self.gone(key)
        return path

    def gone(self, key: str) -> StorageError:
        """Say that a file is missing."""
        return StorageError(
            "A file of the archive is gone",
            f"{key} is missing in {self._root.parent}.",
            "Restore the data folder from its backup; for a clip, 'check now' fetches it again while Rivya keeps it.",
            field="archive",
        )

    def serve(self, key: str) -> Path:
        """Return the path of a file, whether or not it is there: the route answers 404."""
        return self._root / key

    def delete(self, key: str) -> bool:
        """Remove a file; False when there was none."""
        path = self._root / key
        with telling(path):
            try:
                path.unlink()
            except FileNotFoundError:
                return False
        return True

    def condition(self) -> None:
        """Return None: a folder's state shows only at its next use."""

    def close(self) -> None:
        """Do nothing: there is no background work."""


def _copy(source: Path, part: Path) -> None:
    """Copy a file; on failure, such as a full disk, the partial copy is removed."""
    try:
        shutil.copyfile(source, part)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _sync_file(path: Path) -> None:
    with path.open("rb+") as file:
        sync_file(file.fileno())


def _make_folder(folder: Path) -> None:
    """Create a folder with its parents, and fsync each parent, so that the names survive a power cut."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    make_folder(folder)
    sync_folder(folder.parent)
