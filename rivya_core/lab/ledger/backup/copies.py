"""Daily backups of the database: made, verified, and the last three kept; also lists all backups, newest first.

Only the process that runs the jobs makes one. A backup is written under a part name, verified as a whole, fsynced and
renamed, so that any file with a day's name can replace the database. A backup of a damaged file is never kept.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Final

from rivya_core.api.durable import sync_file, sync_folder

FOLDER: Final = "backups"
COPIES_MAX: Final = 3
ROOM_BYTES: Final = 20_000_000
ROW_FAULT: Final = "NULL value in lab_generations."
"""How SQLite's check begins what it says of one damaged row; the others are as good as before."""

STEPS_AT_ONCE: Final = 10_000  # SQLite VM steps between two cancellation checks: about a millisecond
PAGES_AT_ONCE: Final = -1  # all at once: an incremental backup restarts whenever another connection writes


class DamagedCopyError(Exception):
    """Report that the copied database is damaged; the text is SQLite's own finding."""


def folder(database: Path) -> Path:
    """Return the folder of a database's daily copies."""
    return database.with_name(FOLDER)


def daily_paths(database: Path) -> list[Path]:
    """Return the daily copies, newest first."""
    return sorted(folder(database).glob(f"{database.stem}-????-??-??{database.suffix}"), reverse=True)


def paths(database: Path) -> list[Path]:
    """Return every copy, those made before an upgrade included, newest first."""
    before_upgrades = [path for path in database.parent.glob(f"{database.name}.backup-*") if path.suffix != ".part"]
    return sorted([*daily_paths(database), *before_upgrades], key=lambda path: path.stat().st_mtime_ns, reverse=True)


def newest_path(database: Path) -> Path | None:
    """Return the newest copy, unchecked, or None."""
    return next(iter(paths(database)), None)


def is_due(database: Path, today: date) -> bool:
    """Return whether there is no copy of this day yet."""
    return not path_of(database, today).exists()


def path_of(database: Path, day: date) -> Path:
    """Return the path of a day's copy, whether or not it exists."""
    return folder(database) / f"{database.stem}-{day:%Y-%m-%d}{database.suffix}"


def make(database: Path, today: date, *, go_on: Callable[[], bool] = lambda: True) -> Path | None:
    """Copy the database, verify the copy, and delete all but the newest three daily ones. Returns None when cancelled.

    ``go_on``: polled between the phases and during the check; False cancels.

    Raises:
        DamagedCopyError: the database is damaged; nothing was kept.
        OSError, sqlite3.Error: the copy cannot be written.
    """
    target = path_of(database, today)
    target.parent.mkdir(mode=0o700, exist_ok=True)
    _refuse_without_room(database, target.parent)
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    # Created by us, since SQLite would create it readable for everybody.
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        _copy(database, part)
        if not go_on():
            return None
        faults = check(part, go_on)
        if not go_on():
            return None
        if faults:
            raise DamagedCopyError("; ".join(faults[:3]))
        _sync(part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(target.parent)
    for old in daily_paths(database)[COPIES_MAX:]:
        old.unlink(missing_ok=True)
    return target


def _refuse_without_room(database: Path, where: Path) -> None:
    """Raise OSError unless the disk has room for the copy and for the database to grow."""
    needed = 2 * database.stat().st_size + ROOM_BYTES
    if shutil.disk_usage(where).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _copy(database: Path, part: Path) -> None:
    with (
        closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=5.0)) as source,
        closing(sqlite3.connect(part, timeout=5.0)) as target,
    ):
        source.backup(target, pages=PAGES_AT_ONCE)  # page by page, so that damage is copied too, and found
        target.execute("PRAGMA journal_mode=DELETE").fetchone()  # one file, without a log beside it


def check(copy: Path, go_on: Callable[[], bool] = lambda: True) -> list[str]:
    """Run SQLite's full integrity check on a copy; return its findings, none if intact. Meaningless once ``go_on`` cancelled."""
    try:
        with closing(sqlite3.connect(f"{copy.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            connection.set_progress_handler(lambda: not go_on(), STEPS_AT_ONCE)
            findings = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)")]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [line for line in findings if line != "ok" and not line.startswith(ROW_FAULT)]


def is_whole(copy: Path) -> bool:
    """Return whether a copy is intact, so that it can replace the database."""
    return copy.is_file() and copy.stat().st_size > 0 and not check(copy)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        sync_file(file.fileno())
