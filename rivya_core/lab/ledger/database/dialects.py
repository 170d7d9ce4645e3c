"""The interface of a database dialect, and the one place that chooses between SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import sqlalchemy as sa

from rivya_core.lab.ledger.database import postgresql, sqlite


class Watch(Protocol):
    """Change detection: tells whether any process has committed."""

    def changes(self) -> int:
        """Return a number that grows when any process has committed since the last call."""
        ...


@dataclass(frozen=True)
class Dialect:
    """The operations that differ between SQLite and PostgreSQL."""

    begin_writing: Callable[[sa.Connection], None]
    """Start a transaction that is the only writing one of all processes, before it reads anything."""

    begin_snapshot: Callable[[sa.Connection], None]
    """Start a transaction whose reads all see the same commits."""

    count_on: Callable[[sa.Connection, sa.Column[int]], None]
    """Let a key that counts itself up go on after the greatest one there is."""

    watch: Callable[[sa.Engine], Watch]
    """Build what detects the commits of all processes."""

    has_row_locks: bool
    """Whether a single statement is alone with the rows that it writes, without the lock of all writers."""


_DIALECTS: Final = {
    "sqlite": Dialect(
        sqlite.begin_writing, sqlite.begin_snapshot, sqlite.count_on, sqlite.SqliteWatch, has_row_locks=False
    ),
    "postgresql": Dialect(
        postgresql.begin_writing,
        postgresql.begin_snapshot,
        postgresql.count_on,
        postgresql.PostgresqlWatch,
        has_row_locks=True,
    ),
}


def dialect_of(engine: sa.Engine) -> Dialect:
    """Return the dialect of an open database."""
    return _DIALECTS[engine.dialect.name]
