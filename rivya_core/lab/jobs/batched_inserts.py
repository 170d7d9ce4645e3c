"""Many inserts of a library that makes them one by one, sent to the database as one statement for each table.

A statement costs a few hundred microseconds of Python and lets every other thread in between; a thousand of them took longer
than all else that starts a sweep.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa


class BatchedInserts:
    """Stands for a connection while a library inserts rows that follow one pattern; ``send`` stores them all.

    Rows of one table are inserted by the statement of its first row. Nothing of them can be read before they are sent.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._rows: dict[str, tuple[sa.Insert, list[Mapping[str, Any]]]] = {}

    @property
    def dialect(self) -> sa.Dialect:
        """The dialect of the connection itself."""
        return self._connection.dialect

    def get_execution_options(self) -> Mapping[str, Any]:
        """Return the options of the connection itself."""
        return self._connection.get_execution_options()

    def execution_options(self, **options: Any) -> BatchedInserts:
        """Set options on the connection itself."""
        self._connection.execution_options(**options)
        return self

    def execute(self, insert: sa.Insert, row: Mapping[str, Any]) -> NothingYet:
        """Keep one row for later."""
        self._rows.setdefault(insert.table.name, (insert, []))[1].append(row)
        return NothingYet()

    def send(self) -> None:
        """Insert what was kept, table by table in the order in which they were met."""
        for insert, rows in self._rows.values():
            self._connection.execute(insert, rows)
        self._rows.clear()


class NothingYet:
    """The result of an insert that was not sent yet."""

    def fetchone(self) -> None:
        """Return no row."""
