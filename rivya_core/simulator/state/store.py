"""The one SQLite file of a simulated world, and the lock around it.

Every part of the world (tasks, wallet, keys, files, faults, request log) writes through :meth:`Store.transaction`, so that
what the simulator answered is what a restarted or second process finds. No other module opens the file.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rivya_core.private_files import make_file, make_folder

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS accounts (id TEXT PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));
CREATE TABLE IF NOT EXISTS keys (
    sha256 TEXT PRIMARY KEY, prefix TEXT NOT NULL, account TEXT NOT NULL, scopes TEXT NOT NULL,
    state TEXT NOT NULL, expires_at REAL);
CREATE TABLE IF NOT EXISTS files (
    id TEXT PRIMARY KEY, token TEXT NOT NULL, account TEXT NOT NULL, kind TEXT NOT NULL, mime_type TEXT NOT NULL,
    size INTEGER NOT NULL, sha256 TEXT NOT NULL, name TEXT NOT NULL, client_request_id TEXT,
    duration_seconds REAL, duration_token TEXT, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS tasks (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, model TEXT NOT NULL,
    prompt TEXT NOT NULL, params TEXT NOT NULL, client_request_id TEXT, idempotency_key TEXT, body_sha256 TEXT NOT NULL,
    request_sha256 TEXT NOT NULL, take INTEGER NOT NULL, file_id TEXT, reserved INTEGER NOT NULL, final INTEGER NOT NULL,
    created_at REAL NOT NULL, started_at REAL NOT NULL, done_at REAL, settle_at REAL, settled INTEGER NOT NULL,
    error_code TEXT, error_message TEXT);
CREATE INDEX IF NOT EXISTS tasks_due ON tasks (settled, settle_at);
CREATE INDEX IF NOT EXISTS tasks_request ON tasks (request_sha256);
CREATE TABLE IF NOT EXISTS idempotency (
    account TEXT NOT NULL, key TEXT NOT NULL, body_sha256 TEXT NOT NULL, task_id TEXT NOT NULL, created_at REAL NOT NULL,
    PRIMARY KEY (account, key));
CREATE TABLE IF NOT EXISTS movements (
    number INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT, account TEXT NOT NULL, kind TEXT NOT NULL,
    credits INTEGER NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS movements_task ON movements (task_id);
CREATE TABLE IF NOT EXISTS faults (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, route TEXT NOT NULL, detail TEXT NOT NULL,
    times INTEGER, after INTEGER NOT NULL, seen INTEGER NOT NULL, fired INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS requests (
    number INTEGER PRIMARY KEY, at REAL NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, route TEXT NOT NULL,
    status INTEGER, code TEXT, request_id TEXT NOT NULL, idempotency_key TEXT, body_sha256 TEXT, headers TEXT NOT NULL,
    key_in TEXT NOT NULL, fault TEXT, task_id TEXT);
CREATE INDEX IF NOT EXISTS requests_route ON requests (route);
CREATE TABLE IF NOT EXISTS played (number INTEGER PRIMARY KEY, place INTEGER NOT NULL, task_id TEXT UNIQUE);
"""


class Store:
    """The connection to a world's file. Thread-safe; other processes may have the same file open.

    ``synchronous=NORMAL`` in WAL mode survives a killed process, which the kill tests need. A power cut may lose the last
    answers (sqlite.org/pragma.html#pragma_synchronous), which is acceptable for a simulated world.
    """

    def __init__(self, path: Path) -> None:
        make_folder(path.parent)
        make_file(path)
        self.path = path
        self.lock = threading.RLock()
        self._depth = 0
        # isolation_level=None: transactions begin in `transaction` alone, never implicitly in the driver.
        # timeout: how long to wait while another process writes.
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30.0)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        with self.transaction():
            # Not executescript: it commits first, and two processes may be creating the same world.
            for statement in SCHEMA.split(";"):
                self._connection.execute(statement)

    def close(self) -> None:
        """Close the file; later calls raise ``sqlite3.ProgrammingError``."""
        with self.lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the write lock of the file; commit at the end, undo everything on an exception. Nested calls join."""
        with self.lock:
            if self._depth:
                self._depth += 1
                try:
                    yield
                finally:
                    self._depth -= 1
                return
            # IMMEDIATE takes the write lock now. A transaction that begins by reading can fail with SQLITE_BUSY at its first
            # write, whatever the timeout, when another process has committed in between (sqlite.org/lang_transaction.html).
            self._connection.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield
            # BaseException: a KeyboardInterrupt too must not leave the file locked.
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            else:
                self._connection.execute("COMMIT")
            finally:
                self._depth = 0

    def execute(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run one statement; call it inside :meth:`transaction` when it writes."""
        with self.lock:
            return self._connection.execute(statement, values)

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Return all rows of a query."""
        with self.lock:
            return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Row | None:
        """Return the first row of a query, or None."""
        with self.lock:
            found: sqlite3.Row | None = self._connection.execute(statement, values).fetchone()
            return found

    def foreign_version(self) -> int:
        """Return a number that changes when another connection has committed, so that caches may be stale (PRAGMA data_version)."""
        with self.lock:
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def meta(self, name: str) -> Any:
        """Return a stored JSON value, or None."""
        found = self.row("SELECT value FROM meta WHERE name = ?", (name,))
        return None if found is None else json.loads(found["value"])

    def set_meta(self, name: str, value: object) -> None:
        """Store a JSON value under a name."""
        with self.transaction():
            self.execute(
                "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (name, json.dumps(value)),
            )
