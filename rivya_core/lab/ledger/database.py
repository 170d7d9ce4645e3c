"""The database file: how it is opened, how a write transaction starts, how its errors are reported.

DBOS shares the same SQLAlchemy engine, so nothing here may listen to ``begin`` or change how others use it. Code that reads
and then writes must start with ``begin_immediate``: otherwise the read is not part of the transaction, and two submits both
see the last free credits under a cap.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock
from sqlalchemy import event, exc
from sqlalchemy.pool import ConnectionPoolEntry

from rivya_core.api.durable import sync_file
from rivya_core.api.errors import DamagedValueError, StorageError
from rivya_core.lab.ledger.lease import refuse_if_lost
from rivya_core.lab.ledger.migrations import VERSION_TABLE, config
from rivya_core.lab.ledger.read_only import refuse_writes
from rivya_core.lab.ledger.schema import PREFIX
from rivya_core.lab.ledger.trouble import Trouble, tell
from rivya_core.lab.ledger.unexpected_errors import trace_of
from rivya_core.private_files import make_file, mode_of

log = logging.getLogger("rivya.database")

BUSY_TIMEOUT_MS: Final = 30_000
POOL_SIZE: Final = 20
POOL_OVERFLOW: Final = 20
WAL_TRIES: Final = 60
WAL_PAUSE_S: Final = 0.05
SUBSEC_SINCE: Final = (3, 42)  # first SQLite with unixepoch('subsec'); Debian 12 has 3.40

_turns: WeakKeyDictionary[sa.Engine, threading.Lock] = WeakKeyDictionary()
_troubles: WeakKeyDictionary[sa.Engine, Trouble] = WeakKeyDictionary()


def open_database(path: Path) -> sa.Engine:
    """Open the SQLite file at ``path``, made when missing, in WAL mode and with every commit synced to disk.

    Raises:
        StorageError: the file cannot be opened, or is not a database.
    """
    with suppress(OSError):  # SQLite says it better
        make_file(path)  # SQLite gives the -wal and -shm files the permissions of this one
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        poolclass=sa.pool.QueuePool,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_use_lifo=True,  # the most recently used connection has warm statement and page caches
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
        json_deserializer=_json,
        hide_parameters=True,  # an error text must not carry a prompt
    )
    event.listen(engine, "connect", _prepare_connection)
    event.listen(engine, "handle_error", _note_trouble)
    _turns[engine] = threading.Lock()
    _troubles[engine] = Trouble()
    with reading(engine) as connection:
        connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()
    return engine


def _prepare_connection(dbapi_connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    dbapi_connection.isolation_level = "IMMEDIATE"
    dbapi_connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    _use_wal(dbapi_connection)
    dbapi_connection.execute("PRAGMA synchronous=FULL")
    dbapi_connection.execute("PRAGMA foreign_keys=ON")
    if sqlite3.sqlite_version_info < SUBSEC_SINCE:
        dbapi_connection.create_function("unixepoch", 1, _unixepoch)


def _json(text: str) -> object:
    """Read a stored JSON value.

    Raises:
        DamagedValueError: guessing might lift a cap or a pause.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise DamagedValueError from error


def trouble_of(engine: sa.Engine) -> Trouble:
    """Return the health of an open database, as met by our own queries or by those of the job engine."""
    return _troubles.setdefault(engine, Trouble())


def _note_trouble(context: sa.engine.ExceptionContext) -> None:
    error = told(context.original_exception)
    if error is not None and context.engine is not None:
        trouble_of(context.engine).note(error, is_damage=is_damage(error))


def _unixepoch(moment: str) -> float | None:
    """Emulate ``unixepoch('subsec')``, which DBOS's tables use under Python 3.12 and newer, for an older SQLite."""
    return time.time() if moment in {"subsec", "subsecond"} else None


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL mode, with retries: SQLite's busy timeout does not cover another process doing the same on a new file."""
    for tries_left in reversed(range(WAL_TRIES)):
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
        except sqlite3.OperationalError as error:
            if tries_left == 0 or error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise
            time.sleep(WAL_PAUSE_S)
        else:
            return


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Yield a connection for reads only; every statement sees the newest commit."""
    with storage_errors(), engine.connect() as connection:
        yield connection


@contextmanager
def reading_at_once(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Yield a connection for reads only, in one snapshot: every statement sees what the first one saw."""
    with reading(engine) as connection:
        connection.exec_driver_sql("BEGIN")
        try:
            yield connection
        finally:
            connection.rollback()


@contextmanager
def begin_immediate(engine: sa.Engine, *, even_read_only: bool = False) -> Iterator[sa.Connection]:
    """Yield a connection that holds the write lock from its first read on; commit at the end, roll back on an error.

    Threads of one process first queue on a lock of their own: SQLite's busy handler sleeps and polls, which costs more than
    the write itself. ``even_read_only``: this write is allowed in a read-only process, see ``read_only``.

    Raises:
        StorageError: the file is full, read-only, damaged or locked for longer than the busy timeout.
        LabError: this process is read-only.
        LostRowError: the caller is the job of a worker that no longer has its row.
    """
    if not even_read_only:
        refuse_writes(engine)
    with _turn(engine), storage_errors(), engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            refuse_if_lost(connection)
            yield connection
        except BaseException:
            connection.rollback()
            raise
        connection.commit()
    trouble_of(engine).wrote()


@contextmanager
def _turn(engine: sa.Engine) -> Iterator[None]:
    lock = _turns[engine]
    if not lock.acquire(timeout=BUSY_TIMEOUT_MS / 1000):
        busy = StorageError(*_SENTENCES[sqlite3.SQLITE_BUSY], retryable=True, field="database")
        trouble_of(engine).note(busy, is_damage=False)
        raise busy
    try:
        yield
    finally:
        lock.release()


@contextmanager
def storage_errors() -> Iterator[None]:
    """Convert database errors with a cause outside the code (disk full, lock, damage) to StorageError; bugs are re-raised."""
    try:
        yield
    except exc.TimeoutError as error:
        raise StorageError(
            "The database is too busy",
            "No connection became free in time.",
            "Try again in a moment; nothing was stored.",
            retryable=True,
            field="database",
        ) from error
    except (exc.DatabaseError, sqlite3.DatabaseError) as error:
        sentence = told(error)
        if sentence is None:
            raise
        raise sentence from error


_SENTENCES: Final = {
    sqlite3.SQLITE_FULL: (
        "The disk is full",
        "The database could not grow, so nothing was stored.",
        "Free some space and try again.",
    ),
    sqlite3.SQLITE_READONLY: (
        "The database cannot be written",
        "The file or its folder is read-only.",
        "Give this user the right to write to the data folder.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "The database cannot be opened",
        "The file is missing, or this user may not read it.",
        "Look at the data folder and its permissions.",
    ),
    sqlite3.SQLITE_BUSY: (
        "The database is locked",
        "Another process held it for too long; nothing was stored.",
        "Try again; if it stays so, look for a second program that has the file open.",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "The database is damaged",
        "SQLite cannot read a part of it any more. Nothing more is sent to Rivya.",
        "Stop the program and start it again: it then says what can be saved, and how to go on.",
    ),
    sqlite3.SQLITE_IOERR: (
        "The disk does not answer",
        "Reading or writing the database failed.",
        "Check the disk; nothing was stored.",
    ),
}
_SENTENCES[sqlite3.SQLITE_LOCKED] = _SENTENCES[sqlite3.SQLITE_BUSY]
_SENTENCES[sqlite3.SQLITE_NOTADB] = (
    "The database file is not a database",
    "The file holds something else, or its beginning was overwritten.",
    "Restore the newest backup from the data folder, or choose another folder with RIVYA_DATA_DIR.",
)
_SENTENCES[sqlite3.SQLITE_PERM] = _SENTENCES[sqlite3.SQLITE_READONLY]


def told(error: BaseException | None) -> StorageError | None:
    """Return the StorageError for a database error whose cause lies outside the code; None for any other error."""
    while error is not None:
        if isinstance(error, StorageError):
            return error if error.field in {"database", "disk"} else None
        orig = error.orig if isinstance(error, exc.DBAPIError) else error
        if isinstance(orig, sqlite3.Error):
            return _sentence(getattr(orig, "sqlite_errorcode", None) or 0)
        error = error.__cause__
    return None


def _sentence(code: int) -> StorageError | None:
    sentences = _SENTENCES.get(code & 0xFF)  # the low byte is the primary code, the rest is detail
    if sentences is None:
        return None
    retryable = code & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
    return StorageError(*sentences, retryable=retryable, field="database")


def damage_error() -> StorageError:
    """Build the error of a file that was found damaged while open."""
    return StorageError(*_SENTENCES[sqlite3.SQLITE_CORRUPT], field="database")


def is_damage(error: StorageError) -> bool:
    """True for an error that means that the file is damaged."""
    return error.title in {_SENTENCES[code][0] for code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)}


_PHRASES: Final = {
    "database or disk is full": sqlite3.SQLITE_FULL,
    "database is locked": sqlite3.SQLITE_BUSY,
    "database table is locked": sqlite3.SQLITE_BUSY,
    "disk I/O error": sqlite3.SQLITE_IOERR,
    "malformed": sqlite3.SQLITE_CORRUPT,
    "file is not a database": sqlite3.SQLITE_NOTADB,
    "readonly database": sqlite3.SQLITE_READONLY,
    "unable to open database file": sqlite3.SQLITE_CANTOPEN,
}


class OneLineFilter(logging.Filter):
    """Logging filter that replaces a library's report of a database problem, traceback included, by our one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass everything else."""
        error = told(record.exc_info[1]) if record.exc_info else None
        if error is None:
            text = record.getMessage()
            code = next((code for phrase, code in _PHRASES.items() if phrase in text), None)
            error = None if code is None else _sentence(code)
        if error is None:
            return True
        tell(log, error)
        return False


def log_error(logger: logging.Logger, what: str, error: Exception, **extra: object) -> bool:
    """Log an error: a database problem as one line, anything else with its traceback. Returns True for the former.

    The message of any other error is left out: it may contain a prompt or an API key.
    """
    if isinstance(error, StorageError) and error.field in {"row", "value"}:
        logger.error("%s", error, extra=extra)  # the sentence says all
        return False
    sentence = told(error)
    if sentence is None:
        logger.error("%s: %s", what, trace_of(error), extra=extra)
        return False
    tell(logger, sentence)
    return True


def migrate(engine: sa.Engine, path: Path, *, scripts: Path | None = None) -> None:
    """Bring the database at ``path`` to the newest revision; a filled file that is behind is copied first.

    The copy is ``<path>.backup-<revision>``, the revision being the one it holds. Safe to call from several processes at
    once: one works, the others wait and find nothing to do. All or nothing. ``scripts``: another folder of revisions.

    Raises:
        StorageError: the file was written by a newer version, or the backup or the upgrade cannot be written.
    """
    settings = config(scripts)
    known = ScriptDirectory.from_config(settings)
    with FileLock(f"{path}.migrate.lock", mode=mode_of(Path(f"{path}.migrate.lock"))), storage_errors():
        found = _revision(engine)
        if found == known.get_current_head():
            return
        if found is not None:
            if found not in {script.revision for script in known.walk_revisions()}:
                raise _too_new(path, found)
            _back_up(engine, path, found)
        _run(engine, settings)


def _revision(engine: sa.Engine) -> str | None:
    with engine.connect() as connection:
        return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()


def _too_new(path: Path, found: str) -> StorageError:
    return StorageError(
        "The database belongs to a newer Rivya Lab",
        f"{path} holds revision {found}, which this version does not know. It was left as it is.",
        "Start the newer version again, or choose another folder with RIVYA_DATA_DIR.",
        field="database",
    )


def _back_up(engine: sa.Engine, path: Path, revision: str) -> None:
    copy = path.with_name(f"{path.name}.backup-{revision}")
    part = path.with_name(f"{copy.name}.part")
    part.unlink(missing_ok=True)
    make_file(part)
    with closing(engine.raw_connection()) as connection:
        connection.cursor().execute("VACUUM INTO ?", (str(part),))
    with part.open("rb+") as file:
        sync_file(file.fileno())
    part.replace(copy)


def _run(engine: sa.Engine, settings: Config) -> None:
    """Upgrade in one transaction. Foreign keys are off meanwhile, since SQLite rebuilds tables, and are checked at the end."""
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.rollback()
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            settings.attributes["connection"] = connection
            command.upgrade(settings, "head")
            _check_references(connection)
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        finally:
            connection.exec_driver_sql("PRAGMA foreign_keys=ON")
            connection.rollback()


def _check_references(connection: sa.Connection) -> None:
    found = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    broken = sorted({str(row[0]) for row in found if str(row[0]).startswith(PREFIX)})
    if broken:
        raise AssertionError(f"the upgrade would leave broken references in {broken}")
