"""Start a transaction: reads, reads of one snapshot, or a write that holds the write lock from its first read on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from rivya_core.lab.ledger.database.dialects import dialect_of
from rivya_core.lab.ledger.database.errors import busy, storage_errors, trouble_of
from rivya_core.lab.ledger.database.sentences import CUT_OFF
from rivya_core.lab.ledger.lease import refuse_if_fenced
from rivya_core.lab.ledger.read_only import refuse_writes

TURN_MAX_S = 30.0
"""Seconds that a thread waits for the others of its process; as long as the databases wait for other processes."""

_guard: Final = threading.Lock()
_turns: Final[WeakKeyDictionary[sa.Engine, threading.Lock]] = WeakKeyDictionary()


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Yield a connection for reads only; every statement sees the newest commit."""
    with storage_errors(), engine.connect() as connection:
        yield connection


@contextmanager
def reading_at_once(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Yield a connection for reads only, in one snapshot: every statement sees what the first one saw."""
    with reading(engine) as connection:
        dialect_of(engine).begin_snapshot(connection)
        try:
            yield connection
        finally:
            connection.rollback()


@contextmanager
def begin_immediate(engine: sa.Engine, *, even_read_only: bool = False) -> Iterator[sa.Connection]:
    """Yield a connection that holds the write lock from its first read on; commit at the end, roll back on an error.

    Threads of one process first queue on a lock of their own: SQLite's busy handler sleeps and polls, which costs more than
    the write itself, and on PostgreSQL each waiting thread would hold a connection. ``even_read_only``: this write is
    allowed in a read-only process, see ``read_only``.

    Raises:
        StorageError: the database is full, read-only, damaged, not reachable, or locked for too long. Nothing was stored,
            unless its ``charged`` is unknown: the connection was lost during the commit.
        LabError: this process is read-only.
        LostRowError: the caller is the job of a worker that no longer has its row.
    """
    if not even_read_only:
        refuse_writes(engine)
    with _turn(engine), storage_errors(), engine.connect() as connection:
        dialect_of(engine).begin_writing(connection)
        with _committing(connection):
            yield connection
    trouble_of(engine).wrote()


def count_on(connection: sa.Connection, column: sa.Column[int]) -> None:
    """Advance a key's sequence past its greatest value; needed after inserts with explicit keys."""
    dialect_of(connection.engine).count_on(connection, column)


@contextmanager
def begin_on_rows(engine: sa.Engine, *, even_read_only: bool = False) -> Iterator[sa.Connection]:
    """Yield a connection for writes that are correct with row locks alone (compare-and-set); commit at the end.

    For writes that must not wait behind a long transaction, such as a heartbeat. What is read before may have changed by the time of the
    write, unless it was read ``with_for_update``. Without row locks the same as ``begin_immediate``, which see for the errors.
    """
    if not dialect_of(engine).has_row_locks:
        with begin_immediate(engine, even_read_only=even_read_only) as connection:
            yield connection
        return
    if not even_read_only:
        refuse_writes(engine)
    with storage_errors(), engine.connect() as connection, _committing(connection):
        yield connection
    trouble_of(engine).wrote()


@contextmanager
def _committing(connection: sa.Connection) -> Iterator[None]:
    try:
        refuse_if_fenced(connection)
        yield
    except BaseException:
        connection.rollback()
        raise
    try:
        connection.commit()
    except sa.exc.DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise CUT_OFF.error() from error  # the server may have stored it all the same


@contextmanager
def _turn(engine: sa.Engine) -> Iterator[None]:
    with _guard:
        lock = _turns.setdefault(engine, threading.Lock())
    if not lock.acquire(timeout=TURN_MAX_S):
        error = busy(engine)
        trouble_of(engine).note(error, is_damage=False)
        raise error
    try:
        yield
    finally:
        lock.release()
