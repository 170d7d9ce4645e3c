"""User-facing messages for errors of the local disk: full, missing, not writable."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rivya_core.api.errors import StorageError


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Convert OSError to StorageError with a sentence."""
    try:
        yield
    except OSError as error:
        raise fault_of(error, path) from error


def fault_of(error: OSError, path: Path) -> StorageError:
    """Return the StorageError for an OSError at this path."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StorageError(
            "The disk is full",
            f"{path.parent} has no room left.",
            "Free some space; the file is written again by itself.",
            retryable=True,
            field="disk",
        )
    if isinstance(error, FileNotFoundError):
        return StorageError(
            "A file of the archive is gone",
            f"{path} does not exist.",
            "Restore the data folder from its backup.",
            field="archive",
        )
    return StorageError(
        "The archive cannot be used",
        f"{path}: {error.strerror or type(error).__name__}.",
        "Give this user the right to write to the data folder, and check the disk.",
        retryable=True,
        field="archive",
    )
