"""What a kind of database has to offer, and the one place that chooses between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import sqlalchemy as sa

from rivya_core.lab.ledger.database import postgresql, sqlite


class Watch(Protocol):
    """Tells whether anything was committed."""

    def changes(self) -> int:
        """Return a number that grows when any process has committed since the last call."""
        ...


@dataclass(frozen=True)
class Dialect:
    """How one kind of database does what both can."""

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
    """Return how the kind of database that is open does things."""
    return _DIALECTS[engine.dialect.name]
