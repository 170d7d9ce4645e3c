"""Files and folders that only this user may read: prompts, clips and pictures are nobody else's.

Rights are given as a file is made, never afterwards, and what is there already keeps the rights somebody gave it. Nothing here
touches the umask, which belongs to the whole process.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

FILE_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for this user alone. Raises OSError as ``Path.mkdir`` does."""
    if not folder.is_dir():
        if folder.parent != folder:
            make_folder(folder.parent)
        folder.mkdir(FOLDER_MODE, exist_ok=True)


def make_file(path: Path) -> Path:
    """Make an empty file for this user alone, where there is none, and return its path; whoever writes it keeps its rights."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE))
    return path


def mode_of(path: Path) -> int:
    """The rights of a file, or those it is to be made with: for libraries that set them each time they open it."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return FILE_MODE


def readers_of(folder: Path) -> str:
    """Say who else may read a folder by its rights; empty when nobody may, or the system has no such rights."""
    if os.name == "nt":
        return ""
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & stat.S_IXOTH:
        return f"Other users of this machine can read the data folder (mode {mode:04o})."
    if mode & stat.S_IXGRP:
        return f"Members of the folder's group can read the data folder (mode {mode:04o})."
    return ""
