"""Bring files and names to the disk for good, as far as the file system can.

Shares of other machines and of a host (SMB, vboxsf, drvfs, some FUSE) answer that they cannot sync. A file that is whole is
worth keeping there all the same; an error of the disk itself is never passed over.
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
"""What a file system answers that knows no sync; EIO and all others say that something was lost."""

_told: set[str] = set()


def sync_file(file_number: int) -> None:
    """Sync an open file. Raises OSError when the disk fails."""
    with _where_possible("a file"):
        os.fsync(file_number)


def sync_folder(folder: Path) -> None:
    """Sync the names in a folder, where the system can do that (Windows cannot open one). Raises OSError when the disk fails."""
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
    """Yield a name of its own beside a file, to be written; once that is whole and on the disk, it takes the file's name.

    Raises OSError as writing does. After any error the file is what it was, and nothing else is left.
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
        if what not in _told:
            _told.add(what)
            log.warning("this file system cannot sync %s; after a power cut the newest files may be missing", what)
