"""Write files and file names durably (fsync), as far as the file system can.

Network shares and shared folders (SMB, vboxsf, drvfs, some FUSE) report that they cannot sync. A complete file is still worth
keeping there; an error of the disk itself is always raised.
"""

from __future__ import annotations

import errno
import logging
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

log = logging.getLogger("rivya.files")

CANNOT_SYNC: Final = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP})
"""Errors of a file system without fsync. Any other error, EIO above all, means that data was lost."""

_already_logged: set[str] = set()


def sync_file(file_number: int) -> None:
    """Sync an open file. Raises OSError when the disk fails."""
    with _where_possible("a file"):
        os.fsync(file_number)


def sync_folder(folder: Path) -> None:
    """Sync a folder, so that a new or renamed file in it survives a power cut. Raises OSError when the disk fails.

    Windows cannot open folders; nothing is done there.
    """
    if os.name == "nt":
        return
    with _where_possible("a folder"):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


@contextmanager
def written_beside(target: Path) -> Iterator[Path]:
    """Replace a file atomically: yield a temporary path beside it, then sync that file and rename it.

    After an error while writing, the old file is unchanged and the temporary one deleted.
    """
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        yield part
        with part.open("rb+") as file:
            sync_file(file.fileno())
        part.replace(target)
        sync_folder(target.parent)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


@contextmanager
def _where_possible(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in CANNOT_SYNC:
            raise
        if what not in _already_logged:
            _already_logged.add(what)
            log.warning("this file system cannot sync %s; after a power cut the newest files may be missing", what)
