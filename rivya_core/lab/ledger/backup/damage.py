"""Detect a damaged database before anything opens it for writing, and report it.

Opening a damaged file for writing can destroy more of it, so it is examined read-only first. Damage raises ``DamagedError``,
whose ``damage`` lists the faults, what was salvaged, the newest backup, and what that backup lacks.
"""

from __future__ import annotations

import logging
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from rivya_core.api.errors import StorageError
from rivya_core.lab.ledger.backup import copies, salvage, sqlite_pages
from rivya_core.lab.ledger.backup.salvage import Missing, SavedRow
from rivya_core.lab.ledger.migrations import VERSION_TABLE
from rivya_core.lab.ledger.schema import PREFIX, metadata

log = logging.getLogger("rivya.database")

QUICK_FROM_BYTES: Final = 200_000_000
"""From this size on only the structure is checked at opening, not each index entry: 0.11 s for 50 MB against 0.05 s."""

LOG_CHECK_MAX_BYTES: Final = 32_000_000  # 1.2 s
LOST_COMMITS: Final = 2
"""A power cut tears the last transaction of the log, of which nobody was told that it is stored; never more."""

FAULTS_MAX: Final = 100
LOOK_AGAIN_S: Final = 0.2
OUTSIDE: Final = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}
    | {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM}
)
"""Primary codes that say nothing about what the file holds."""

_NOT_A_DATABASE: Final = "The file is not a database: it holds something else, or its beginning was overwritten."
_BY_SEQ: Final = "SELECT seq, id FROM lab_generations WHERE seq = ?"
_FIRST_AND_LAST: Final = (
    "SELECT * FROM (SELECT seq, id FROM lab_generations ORDER BY seq LIMIT 1) "
    "UNION SELECT * FROM (SELECT seq, id FROM lab_generations ORDER BY seq DESC LIMIT 1)"
)
_TREE: Final = re.compile(r"Tree (\d+) ")
_NAMED: Final = re.compile(r"(?:index|in|table) (\w+)")


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy that could be put in the database's place, and what would be lost by that."""

    path: Path
    made_at: datetime
    generations: int
    lacks: tuple[Missing, ...]


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong with a database, and what there is to go on with.

    ``faults``: sentences for people. ``raw``: SQLite's own words. ``rows``: the generations that could be read.
    ``saved``: the file they were written to, None when that failed.
    """

    database: Path
    faults: tuple[str, ...]
    raw: tuple[str, ...] = ()
    rows: Mapping[str, SavedRow] = field(default_factory=dict)
    saved: Path | None = None
    copy: Copy | None = None
    seen: Mapping[str, object] = field(default_factory=dict)
    """The state of the file that this is about."""

    @property
    def task_ids(self) -> int:
        """How many task ids could be read."""
        return sum(row.task_id is not None for row in self.rows.values())

    @property
    def held_credits(self) -> int:
        """Credits that the readable generations still hold or have taken."""
        return sum(row.held_credits or 0 for row in self.rows.values())


class DamagedError(StorageError):
    """Report a database that cannot be trusted; ``damage`` tells what there is to go on with."""

    def __init__(self, damage: Damage) -> None:
        copy = damage.copy
        read = f"{len(damage.rows):,} generations and {damage.task_ids:,} task ids could be read"
        kept = f" and were written to {damage.saved.name}" if damage.saved is not None else ""
        newest = "There is no copy of it." if copy is None else f"The newest copy is {copy.path.name}."
        super().__init__(
            "The database is damaged",
            " ".join((*damage.faults, f"{read}{kept}.", newest)),
            "Stop the program and keep the damaged file. The dashboard says how to go on.",
            field="database",
        )
        self.damage = damage


def refuse_if_damaged(database: Path) -> None:
    """Examine a database that nobody here has open yet; return when it is whole, or not there.

    Raises:
        DamagedError: it is damaged, or gone while its copies or its log are here.
    """
    faults, raw = examine(database)
    if faults:
        raise DamagedError(report(database, faults, raw))


def examine(database: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The faults of a database file in sentences, and in SQLite's own words; empty when none is seen. Reads only."""
    if not database.is_file() or database.stat().st_size == 0:
        return _faults_of_nothing(database), ()
    lost = (*_faults_of_header(database), *_faults_of_log(database), *_faults_of_another_log(database))
    try:
        raw = tuple(_own_check(database))
    except sqlite3.Error as error:
        code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
        if code in OUTSIDE:
            return lost, ()
        return lost or ("SQLite cannot read the file.",), (str(error),)
    faults = (*lost, *raw_in_words(database, raw))
    return faults, raw if faults else ()


def _faults_of_nothing(database: Path) -> tuple[str, ...]:
    """A file that is missing or empty is a new one, unless what stands beside it says otherwise."""
    wal = sqlite_pages.log_path(database)
    has_log = wal.is_file() and wal.stat().st_size > sqlite_pages.LOG_HEADER_BYTES
    if not has_log and copies.newest_path(database) is None:
        return ()
    what = "is empty" if database.is_file() else "is gone"
    beside = "its write-ahead log is still there" if has_log else "copies of it are still there"
    return (f"The file {database.name} {what}, but {beside}.",)


def _faults_of_header(database: Path) -> tuple[str, ...]:
    """A header that SQLite would take for another kind of file, or for one that it may only read."""
    with database.open("rb") as file:
        header = file.read(sqlite_pages.FILE_HEADER_BYTES)
    whole = header[:16] == b"SQLite format 3\0" and {*header[18:20]} <= {1, 2} and header[21:24] == b"\x40\x20\x20"
    return () if whole else (_NOT_A_DATABASE if header[:15] != b"SQLite format 3" else "The file's header is damaged.",)


def _faults_of_log(database: Path) -> tuple[str, ...]:
    """Commits that SQLite would drop without a word, because the log is torn before them or is not there at all."""
    wal, index = sqlite_pages.log_path(database), database.with_name(f"{database.name}-shm")
    if not wal.is_file():
        # the index is removed before the log, so an index alone tells that somebody took the log away
        if index.is_file() and not wal.is_file() and _still(index):
            return (
                f"The log {wal.name} was taken away, and the newest changes with it. Put it back, or remove {index.name} too.",
            )
        return ()
    if not sqlite_pages.LOG_HEADER_BYTES < wal.stat().st_size <= LOG_CHECK_MAX_BYTES or not _lost_commits(database):
        return ()
    time.sleep(LOOK_AGAIN_S)  # another process may have written while it was read
    lost = _lost_commits(database)
    if not lost:
        return ()
    return (f"The write-ahead log {wal.name} is damaged: its last {lost:,} changes would be dropped.",)


def _still(path: Path) -> bool:
    time.sleep(LOOK_AGAIN_S)
    return path.is_file() and not sqlite_pages.log_path(path.with_name(path.name.removesuffix("-shm"))).is_file()


def _faults_of_another_log(database: Path) -> tuple[str, ...]:
    """A log carries no name: that of another database is taken for this one's. Generations never vanish by their own log."""
    wal = sqlite_pages.log_path(database)
    if not wal.is_file() or wal.stat().st_size <= sqlite_pages.LOG_HEADER_BYTES:
        return ()
    try:
        with closing(salvage.read_only(database, immutable=True)) as connection:
            without = connection.execute(_FIRST_AND_LAST).fetchall()
    except sqlite3.Error:
        return ()  # a new file, or one whose log was being written into it when the process ended
    try:
        with closing(salvage.read_only(database)) as connection:
            seqs = [row[0] for row in without]
            found = [connection.execute(_BY_SEQ, (seq,)).fetchone() for seq in seqs]
    except sqlite3.Error as error:
        if (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in OUTSIDE:
            return ()
        found = []
    if found == without:
        return ()
    return (f"The write-ahead log {wal.name} does not belong to this file, or is damaged.",)


def _lost_commits(database: Path) -> int:
    with database.open("rb") as file:
        size = sqlite_pages.page_bytes(file.read(sqlite_pages.FILE_HEADER_BYTES))
    found = sqlite_pages.read_log(sqlite_pages.log_path(database), size)
    lost = found.commits - found.readable_commits
    return lost if lost >= LOST_COMMITS else 0


def _own_check(database: Path) -> Iterator[str]:
    """What SQLite's own check says, read-only, and whether the tables that a marked file must have are there."""
    check = "quick_check" if database.stat().st_size >= QUICK_FROM_BYTES else "integrity_check"
    with closing(salvage.read_only(database)) as connection:
        found = [str(row[0]) for row in connection.execute(f"PRAGMA {check}({FAULTS_MAX})")]
        yield from (line for line in found if line != "ok")
        names = {str(row[0]) for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not names & {*metadata.tables, VERSION_TABLE}:
            return
        marked = VERSION_TABLE in names and connection.execute(f"SELECT count(*) FROM {VERSION_TABLE}").fetchone()  # noqa: S608 - our own name
        if not marked or marked[0] != 1:
            yield f"no revision in {VERSION_TABLE}"
        if f"{PREFIX}generations" not in names:
            yield f"no table {PREFIX}generations"


PARTS: Final = {
    "lab_generations": "generations",
    "lab_events": "timelines",
    "lab_movements": "credit movements",
    "lab_settings": "settings and drafts",
    "lab_assets": "reference images",
    "lab_prompts_fts": "the search index",
}


def raw_in_words(database: Path, raw: Iterable[str]) -> tuple[str, ...]:
    """SQLite's findings as sentences about the parts of the lab that they concern; those about one row are left out."""
    lines = [line for line in raw if not line.startswith(copies.ROW_FAULT)]
    if not lines:
        return ()
    if any(line.startswith("no revision") for line in lines):
        return ("The mark that says which version wrote the file is gone.",)
    parts = sorted({part for line in lines for part in _parts(database, line)})
    where = f" in: {', '.join(parts)}" if parts else ""
    return (f"SQLite's own check finds faults{where}.",)


def _parts(database: Path, line: str) -> Iterator[str]:
    names = _NAMED.findall(line)
    trees = _TREE.findall(line)
    if trees:
        try:
            with closing(salvage.read_only(database)) as connection:
                found = connection.execute("SELECT tbl_name FROM sqlite_master WHERE rootpage = ?", (int(trees[0]),))
                names += [str(row[0]) for row in found]
        except sqlite3.Error:
            return
    for name in names:
        plain = name.removeprefix("ix_").removeprefix("uq_")
        table = next((table for table in PARTS if plain.startswith(table)), None)
        if table is not None:
            yield PARTS[table]
        elif plain.startswith(PREFIX):
            yield "sweeps, votes or balances"
        elif name not in {"database", "main"}:
            yield "the job engine"


def refuse_if_incomplete(database: Path) -> None:
    """Compare the tables and columns of a file of this version with what they must be.

    Raises:
        DamagedError: some are not there, so that the description of the tables itself is damaged.
    """
    gone = []
    with closing(salvage.read_only(database)) as connection:
        for table in metadata.tables.values():
            there = {str(row[1]) for row in connection.execute(f"PRAGMA table_xinfo({table.name})")}
            gone += [f"{table.name}.{column.name}" for column in table.columns if column.name not in there]
    if gone:
        raise DamagedError(report(database, ["The description of the tables is damaged: some are gone."], gone))


def report(database: Path, faults: Iterable[str], raw: Iterable[str] = ()) -> Damage:
    """Salvage what can be read of a damaged database, first of all; then find the newest copy and what it lacks."""
    faults, raw = tuple(faults), tuple(raw)
    rows = salvage.read_rows(database)
    saved: Path | None = None
    try:
        if rows:
            about = {"about": "Read from a damaged database of Rivya Lab.", "faults": faults, "sqlite": raw}
            saved = salvage.write_rows(database, rows, about, datetime.now().astimezone().date())
    except OSError as error:
        log.error("what was salvaged cannot be written: %s", error.strerror)  # noqa: TRY400 - one line says all
    newest = _newest_copy(database, rows)
    return Damage(database, faults, raw, rows, saved, newest, salvage.state_of(database))


def _newest_copy(database: Path, rows: Mapping[str, SavedRow]) -> Copy | None:
    for path in copies.paths(database):
        if copies.is_whole(path):
            held = salvage.rows_of_copy(path)
            made_at = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
            return Copy(path, made_at, len(held), salvage.missing_in(held, rows))
    return None
