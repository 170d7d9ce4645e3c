"""Batch the row-by-row inserts of a library (DBOS) into one ``executemany`` per table.

A statement costs a few hundred microseconds of Python and releases the GIL to every other thread; a thousand of them took
longer than everything else that starts a sweep.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any

import sqlalchemy as sa


class BatchedInserts:
    """Stand in for a connection while a library inserts uniform rows; ``send`` stores them all.

    All rows of a table must fit the statement of its first row. They cannot be read before they are sent.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._dialect = copy(connection.dialect)
        self._rows: dict[str, tuple[sa.Insert, list[Mapping[str, Any]]]] = {}

    @property
    def dialect(self) -> sa.Dialect:
        """A copy of the connection's dialect: only to a connection of its own engine does DBOS send SQL that it has prepared."""
        return self._dialect

    def get_execution_options(self) -> Mapping[str, Any]:
        """Return the options of the connection itself."""
        return self._connection.get_execution_options()

    def execution_options(self, **options: Any) -> BatchedInserts:
        """Set options on the connection itself."""
        self._connection.execution_options(**options)
        return self

    def execute(self, insert: sa.Insert, row: Mapping[str, Any]) -> NothingYet:
        """Buffer one row."""
        self._rows.setdefault(insert.table.name, (insert, []))[1].append(row)
        return NothingYet()

    def send(self) -> None:
        """Insert the buffered rows, table by table in order of first use."""
        for insert, rows in self._rows.values():
            self._connection.execute(insert, rows)
        self._rows.clear()


class NothingYet:
    """The result of a buffered insert: empty."""

    def fetchone(self) -> None:
        """Return no row."""
