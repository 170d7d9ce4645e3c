"""What was read from the database, kept until any process writes to it: a screen that is drawn again asks SQLite nothing twice.

Only for reads that depend on the database and their name alone, outside of transactions. A name holds all that the answer
depends on; an answer is shared by all who ask, so it is frozen, or copied by who hands it out.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary, ref

import sqlalchemy as sa

from rivya_core.lab.ledger.database import reading, storage_errors

T = TypeVar("T")

KEPT_MAX: Final = 256

_remembered: WeakKeyDictionary[sa.Engine, Remembered] = WeakKeyDictionary()
_lock: Final = threading.Lock()


class Remembered:
    """Answers of one version of the database; safe to use from any thread."""

    def __init__(self, database: sa.Engine) -> None:
        self._database = ref(database)  # the engine is the key under which this is kept
        self._watch = _Watch(database)
        self._lock = threading.Lock()
        self._version = 0
        self._kept: dict[Hashable, Any] = {}

    def changes(self) -> int:
        """A number that grows when any process has written to the database since the last call; under 0.1 ms."""
        return self._watch.changes()

    def once(self, name: Hashable, read: Callable[[], T]) -> T:
        """What ``read`` says, asked for once a version of the database. An error is not kept."""
        version = self.changes()
        with self._lock:
            if version > self._version:
                self._version = version
                self._kept.clear()
            if name in self._kept:
                known: T = self._kept[name]
                return known
        found = read()
        with self._lock:
            # what was read after a later write must not be taken for older, nor the other way round
            if version == self._version:
                if len(self._kept) >= KEPT_MAX:
                    self._kept.clear()
                self._kept[name] = found
        return found

    def reading(self, name: Hashable, read: Callable[[sa.Connection], T]) -> T:
        """``once`` for what is read from a connection."""

        def look() -> T:
            database = self._database()
            assert database is not None, "who asks has it open"
            with reading(database) as connection:
                return read(connection)

        return self.once(name, look)


def remembered_of(database: sa.Engine) -> Remembered:
    """The one memory of an open database."""
    with _lock:
        known = _remembered.get(database)
        if known is None:
            known = _remembered[database] = Remembered(database)
        return known


class _Watch:
    """Sees commits of all processes through ``PRAGMA data_version``, on a connection of its own that never writes."""

    def __init__(self, database: sa.Engine) -> None:
        self._path = str(database.url.database)  # not the engine, which would keep itself alive by its own listener
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._seen = -1
        self._changes = 0
        sa.event.listen(database, "engine_disposed", self._close)

    def changes(self) -> int:
        with self._lock, storage_errors():
            if self._connection is None:
                self._connection = sqlite3.connect(self._path, check_same_thread=False)
                self._seen = -1  # the number tells of changes on one connection only
            seen: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
            if seen != self._seen:
                self._seen = seen
                self._changes += 1
            return self._changes

    def _close(self, _database: sa.Engine) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
