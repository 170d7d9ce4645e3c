"""The shared database: PostgreSQL with serialized writers (an advisory lock), so that read-then-write code stays correct.

Isolation must be READ COMMITTED: under REPEATABLE READ the snapshot is older than the lock, and concurrent submits all
pass the same cap. The password is in the URL only: no log, error or ``repr`` shows it.
"""

from __future__ import annotations

import threading
from typing import Any, Final

import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy import event

from rivya_core.lab.ledger.database.errors import note_trouble, storage_errors
from rivya_core.lab.ledger.database.stored_json import read_json, write_json

POOL_SIZE: Final = 5
POOL_OVERFLOW: Final = 10
"""A server allows 100 connections by default, for all processes together."""

ISOLATION: Final = "READ COMMITTED"
WRITING: Final = 0x52495659_0001
"""Advisory lock of every transaction that writes to the ledger or changes its tables; a number known to one database only."""

SESSION: Final[dict[str, str]] = {
    "idle_in_transaction_session_timeout": "10s",  # a process that is stopped while it holds the lock is ended
    "lock_timeout": "30s",
    "statement_timeout": "60s",
    "timezone": "UTC",
}
TRANSPORT: Final[dict[str, Any]] = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds
    "application_name": "rivya-lab",
}


def open_shared(url: SecretStr, *, session: dict[str, str] | None = None) -> sa.Engine:
    """Open the PostgreSQL database at ``postgresql+psycopg://...``. ``session`` changes settings of ``SESSION``.

    Raises:
        StorageError: it does not answer, or refuses the user.
    """
    from rivya_core.lab.ledger.database.any_text import take_any_text  # noqa: PLC0415 - loads psycopg

    arguments = _arguments(SESSION | (session or {}))
    engine = sa.create_engine(
        url.get_secret_value(),
        isolation_level=ISOLATION,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_use_lifo=True,
        pool_pre_ping=True,
        connect_args=arguments,
        json_deserializer=read_json,
        json_serializer=write_json,
        hide_parameters=True,  # an error text must not carry a prompt
    )
    event.listen(engine, "connect", take_any_text)
    event.listen(engine, "handle_error", note_trouble)
    with storage_errors(), engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1").scalar_one()
    return engine


def _arguments(session: dict[str, str]) -> dict[str, Any]:
    options = " ".join(f"-c {name}={value}" for name, value in session.items())
    return {**TRANSPORT, "options": options}


def begin_writing(connection: sa.Connection) -> None:
    """Take the writers' advisory lock as the first statement of a transaction; released when the transaction ends.

    Raises:
        AssertionError: the lock would be useless: no transaction is open, or it has another isolation level.
    """
    query = sa.text("SELECT pg_advisory_xact_lock(:writing), current_setting('transaction_isolation')")
    isolation = connection.execute(query, {"writing": WRITING}).one()[1]
    if not is_in_transaction(connection) or isolation != ISOLATION.lower():
        raise AssertionError("the write lock holds only inside a transaction of READ COMMITTED")


def is_in_transaction(connection: sa.Connection) -> bool:
    """Return whether the server holds a transaction open for this connection; SQLAlchemy's own answer ignores autocommit."""
    driver: Any = connection.connection.driver_connection
    return connection.in_transaction() and not driver.autocommit


def begin_snapshot(connection: sa.Connection) -> None:
    """Make all following reads see one snapshot, taken by the first of them."""
    connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


_IN_OTHER_ORDER: Final = """
SELECT table_name, column_name, udt_name, character_maximum_length FROM information_schema.columns
WHERE table_schema = current_schema() AND starts_with(table_name, :prefix)
AND udt_name IN ('text', 'varchar') AND collation_name IS NULL
ORDER BY table_name, ordinal_position
"""


def order_by_code_points(connection: sa.Connection, prefix: str) -> None:
    """Set the collation of our text columns to code points (as in SQLite), whatever the server's locale.

    Task ids and adopted rows are found by text ranges, which a linguistic collation would tear apart.
    """
    changes: dict[str, list[str]] = {}
    for table, column, kind, length in connection.execute(sa.text(_IN_OTHER_ORDER), {"prefix": prefix}):
        type_ = kind if length is None else f"{kind}({length})"
        changes.setdefault(table, []).append(f'ALTER COLUMN "{column}" TYPE {type_} COLLATE "C"')
    for table, columns in changes.items():
        connection.exec_driver_sql(f'ALTER TABLE "{table}" {", ".join(columns)}')


def count_on(connection: sa.Connection, column: sa.Column[int]) -> None:
    """Advance a key's sequence past its greatest value; inserts with explicit keys do not advance it."""
    name, table = column.name, column.table.name
    greatest = sa.select(sa.func.greatest(sa.func.max(column), 1)).scalar_subquery()
    connection.execute(sa.select(sa.func.setval(sa.func.pg_get_serial_sequence(table, name), greatest)))


class PostgresqlWatch:
    """Detect commits of all processes by ``pg_current_snapshot``, on a connection of its own.

    Never one of the pool: given back with autocommit on, it would let a write lock outside a transaction. Commits in other
    databases of the same server change the number, too, which costs a read that finds nothing new.
    """

    def __init__(self, database: sa.Engine) -> None:
        self._alone = sa.create_engine(
            database.url,
            poolclass=sa.pool.NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args=_arguments(SESSION),
            hide_parameters=True,
        )
        self._lock = threading.Lock()
        self._connection: sa.Connection | None = None
        self._last_snapshot = ""
        self._changes = 0
        sa.event.listen(database, "engine_disposed", self._close)

    def changes(self) -> int:
        """Return a number that grows when any process has committed since the last call; under 0.2 ms."""
        with self._lock, storage_errors():
            snapshot = self._look()
            if snapshot != self._last_snapshot:
                self._last_snapshot = snapshot
                self._changes += 1
            return self._changes

    def _look(self) -> str:
        """Return the current snapshot's id; reconnects once when the connection was lost."""
        if self._connection is not None:
            try:
                return _snapshot(self._connection)
            except sa.exc.DBAPIError:
                self._drop()
        self._connection = self._alone.connect()
        try:
            return _snapshot(self._connection)
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
            self._last_snapshot = ""  # another server may answer next, whose snapshots cannot be compared

    def _close(self, _database: sa.Engine) -> None:
        with self._lock:
            self._drop()


def _snapshot(connection: sa.Connection) -> str:
    return str(connection.exec_driver_sql("SELECT pg_current_snapshot()::text").scalar_one())
