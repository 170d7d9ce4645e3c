"""The embedded database: one SQLite file in WAL mode, every commit synced to disk."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.pool import ConnectionPoolEntry

from rivya_core.api.durable import sync_file
from rivya_core.lab.ledger.database.errors import note_trouble, storage_errors
from rivya_core.lab.ledger.database.stored_json import read_json
from rivya_core.private_files import make_file

BUSY_TIMEOUT_MS: Final = 30_000
POOL_SIZE: Final = 20
POOL_OVERFLOW: Final = 20
WAL_TRIES: Final = 60
WAL_PAUSE_S: Final = 0.05
SUBSEC_SINCE: Final = (3, 42)  # first SQLite with unixepoch('subsec'); Debian 12 has 3.40


class _Compiler(SQLiteCompiler):
    """Writes hints of tables, as ``INDEXED BY`` an index: SQLAlchemy knows none for SQLite."""

    def get_from_hint_text(self, table: sa.FromClause, text: str | None) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Return the text to be written behind the name of a table."""
        return text


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
        json_deserializer=read_json,
        hide_parameters=True,  # an error text must not carry a prompt
    )
    engine.dialect.statement_compiler = _Compiler
    event.listen(engine, "connect", _prepare_connection)
    event.listen(engine, "handle_error", note_trouble)
    with storage_errors(), engine.connect() as connection:
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


def begin_writing(connection: sa.Connection) -> None:
    """Take the file's write lock before anything is read."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def begin_snapshot(connection: sa.Connection) -> None:
    """Make all following reads see one snapshot, taken by the first of them."""
    connection.exec_driver_sql("BEGIN")


def count_on(_connection: sa.Connection, _column: sa.Column[int]) -> None:
    """Do nothing: SQLite continues after the greatest key by itself."""


class SqliteWatch:
    """Detect commits of all processes by ``PRAGMA data_version``, on a connection of its own that never writes.

    The pragma does not report commits of its own connection, hence a separate one.
    """

    def __init__(self, database: sa.Engine) -> None:
        self._path = str(
            database.url.database
        )  # not the engine: a reference cycle through its own listener would keep it alive
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._last_version = -1
        self._changes = 0
        sa.event.listen(database, "engine_disposed", self._close)

    def changes(self) -> int:
        """Return a number that grows when any process has committed since the last call; under 0.1 ms."""
        with self._lock, storage_errors():
            if self._connection is None:
                self._connection = sqlite3.connect(self._path, check_same_thread=False)
                self._last_version = -1  # data_version values can only be compared on the same connection
            version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
            if version != self._last_version:
                self._last_version = version
                self._changes += 1
            return self._changes

    def _close(self, _database: sa.Engine) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def copy_to(engine: sa.Engine, copy: Path) -> None:
    """Back the database up to the file ``copy``, atomically: it exists only once it is complete and synced."""
    part = copy.with_name(f"{copy.name}.part")
    part.unlink(missing_ok=True)
    make_file(part)
    with closing(engine.raw_connection()) as connection:
        connection.cursor().execute("VACUUM INTO ?", (str(part),))
    with part.open("rb+") as file:
        sync_file(file.fileno())
    part.replace(copy)
