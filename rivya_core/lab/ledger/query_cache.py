"""Query cache, invalidated by any write of any process: a page that is redrawn runs no query twice.

Only for reads outside of transactions, never for a decision to spend. The key must contain everything besides the database
that the result depends on. A result is shared by all callers, so it must be frozen, or copied before it is handed out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary, ref

import sqlalchemy as sa

from rivya_core.lab.ledger.database import reading
from rivya_core.lab.ledger.database.dialects import dialect_of

T = TypeVar("T")

RESULTS_MAX: Final = 256

_remembered: WeakKeyDictionary[sa.Engine, QueryCache] = WeakKeyDictionary()
_lock: Final = threading.Lock()


class QueryCache:
    """Cached results of one version of the database; safe to use from any thread."""

    def __init__(self, database: sa.Engine) -> None:
        self._database = ref(database)  # the engine is the key under which this is kept
        self._watch = dialect_of(database).watch(database)
        self._lock = threading.Lock()
        self._version = 0
        self._results: dict[Hashable, Any] = {}

    def changes(self) -> int:
        """Return a number that grows when any process has written to the database since the last call; under 0.2 ms."""
        return self._watch.changes()

    def once(self, name: Hashable, read: Callable[[], T]) -> T:
        """Return the result of ``read``, called once per version of the database. Errors are not cached."""
        version = self.changes()
        with self._lock:
            if version > self._version:
                self._version = version
                self._results.clear()
            if name in self._results:
                cached: T = self._results[name]
                return cached
        result = read()
        with self._lock:
            # store only under the version that was current before the read: a write during it must invalidate the result
            if version == self._version:
                if len(self._results) >= RESULTS_MAX:
                    self._results.clear()
                self._results[name] = result
        return result

    def reading(self, name: Hashable, read: Callable[[sa.Connection], T]) -> T:
        """``once`` for what is read from a connection."""

        def look() -> T:
            database = self._database()
            assert database is not None, "who asks has it open"
            with reading(database) as connection:
                return read(connection)

        return self.once(name, look)


def remembered_of(database: sa.Engine) -> QueryCache:
    """Return the one cache of an open database."""
    with _lock:
        cache = _remembered.get(database)
        if cache is None:
            cache = _remembered[database] = QueryCache(database)
        return cache
