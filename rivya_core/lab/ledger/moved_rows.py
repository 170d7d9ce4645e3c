"""Copy all rows of one database into another of another kind, and compare what both hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.api.errors import DamagedValueError, LabError, StorageError
from rivya_core.lab.ledger import given_up
from rivya_core.lab.ledger.database.stored_json import read_json, write_json
from rivya_core.lab.ledger.database_clock import database_now
from rivya_core.lab.ledger.move_marks import MOVE
from rivya_core.lab.ledger.schema import generations, metadata, movements, notes
from rivya_core.lab.ledger.schema_workers import rates, workers
from rivya_core.lab.ledger.states import TERMINAL
from rivya_core.settings import is_built_in

AT_ONCE: Final = 500
OF_PROCESSES: Final = frozenset({workers.name, rates.name})
"""Tables of the processes at work, which stay behind."""

STAYS: Final = (MOVE, "time_zone", given_up.NOTE)
"""Notes that each database has for itself."""

LEASE: Final[Mapping[str, Any]] = {"worker_id": None, "posting_at": None}
"""Columns that say which process drives a row: after a move it is nobody."""


class _JsonText(sa.types.UserDefinedType[str]):
    """A JSON column as raw text, so that NULL stays apart from ``null``."""

    cache_ok = True

    def bind_expression(self, bindvalue: sa.BindParameter[str]) -> sa.ColumnElement[str]:
        """Cast the text to JSON in the database."""
        return sa.cast(sa.type_coerce(bindvalue, sa.Text()), sa.JSON())


def open_simulated(connection: sa.Connection) -> list[str]:
    """Return the ids of open generations of an embedded simulator, which only their own process can end."""
    rows = connection.execute(
        sa.select(generations.c.id, generations.c.connection).where(
            generations.c.state.not_in(sorted(TERMINAL)), generations.c.deleted_at.is_(None)
        )
    )
    return sorted(id_ for id_, name in rows if is_built_in(name))


def refuse_filled(connection: sa.Connection, place: str) -> None:
    """Raise StorageError when a database holds rows already."""
    row_count = sum(_counts(connection).values())
    if row_count:
        raise StorageError(
            "The target is not empty",
            f"{place} holds {row_count:,} rows already. Nothing was changed.",
            "Move into an empty database.",
            field="database",
        )


def refuse_busy(connection: sa.Connection, place: str, silent_s: float) -> None:
    """Raise LabError while a living process uses a database; ``silent_s``: the heartbeat timeout."""
    since = database_now(connection) - timedelta(seconds=silent_s)
    busy = connection.execute(sa.select(workers.c.id).where(workers.c.seen_at > since)).scalars().all()
    if busy:
        raise LabError(
            "The target is in use",
            f"{place} is open in {len(busy)} {'process' if len(busy) == 1 else 'processes'}: {', '.join(sorted(busy)[:3])}.",
            f"Stop them; {silent_s:g} s after one died it counts as gone.",
            field="database_url",
        )


def clear(connection: sa.Connection) -> None:
    """Delete all rows except the database's own (revision, workers), inside the caller's transaction."""
    for table in reversed(_tables()):
        query = sa.delete(table)
        connection.execute(query if table is not notes else query.where(notes.c.name.not_in(STAYS)))


def copy_all(source: sa.Connection, target: sa.Connection, step: Callable[[], None]) -> None:
    """Copy all rows, 500 at a time, and set the sequences. ``step`` is called after each batch."""
    for table in _tables():
        texts = _with_texts(table)
        insert = sa.insert(texts)
        names = [column.name for column in texts.columns if isinstance(column.type, _JsonText)]
        for rows in _batches(source, table, texts):
            if target.dialect.name == "postgresql":
                _make_fit(rows, names)
            target.execute(insert, rows)
            step()
        _set_sequence(target, table)


def totals(connection: sa.Connection) -> dict[str, Any]:
    """Return the rows of each table, and per mode the sums of held, final and moved credits."""
    sums: dict[str, Any] = dict(_counts(connection))
    g, m = generations.c, movements.c
    by_mode = sa.select(g.mode, sa.func.sum(g.held_credits), sa.func.sum(g.final_credits)).group_by(g.mode)
    moved = sa.select(m.mode, sa.func.sum(m.credits)).group_by(m.mode)
    for mode, held_credits, final_credits in connection.execute(by_mode):
        sums[f"held and final credits, {mode}"] = (int(held_credits or 0), int(final_credits or 0))
    for mode, credits_moved in connection.execute(moved):
        sums[f"movements, {mode}"] = int(credits_moved or 0)
    return sums


def refuse_difference(source: Mapping[str, Any], target: Mapping[str, Any]) -> None:
    """Raise StorageError when the totals of two databases differ."""
    differing = sorted(name for name in {*source, *target} if source.get(name) != target.get(name))
    if differing:
        name = differing[0]
        raise StorageError(
            "The copy differs from its source",
            f"{name}: {source.get(name)} there, {target.get(name)} here. The source stays as it is, the target closed.",
            "Run the move again; if it happens again, keep both and report it.",
            field="database",
        )


def _tables() -> list[sa.Table]:
    return [table for table in metadata.sorted_tables if table.name not in OF_PROCESSES]


def _counts(connection: sa.Connection) -> dict[str, int]:
    counts = {}
    for table in _tables():
        query = sa.select(sa.func.count()).select_from(table)
        if table is notes:
            query = query.where(notes.c.name.not_in(STAYS))
        counts[table.name] = int(connection.execute(query).scalar_one())
    return counts


def _with_texts(table: sa.Table) -> sa.Table:
    """Return the table with its JSON columns as texts."""
    columns = [
        sa.Column(column.name, _JsonText() if isinstance(column.type, sa.JSON) else column.type)
        for column in table.columns
        if column.computed is None
    ]
    return sa.Table(table.name, sa.MetaData(), *columns)


def _batches(source: sa.Connection, table: sa.Table, texts: sa.Table) -> Iterator[list[dict[str, Any]]]:
    query = sa.select(texts).order_by(*(texts.c[column.name] for column in table.primary_key.columns))
    if table is notes:
        query = query.where(texts.c.name.not_in(STAYS))
    changed = LEASE if table is generations else {}
    result = source.execution_options(yield_per=AT_ONCE).execute(query)
    for rows in result.mappings().partitions(AT_ONCE):
        yield [{**row, **changed} for row in rows]


def _make_fit(rows: list[dict[str, Any]], names: Sequence[str]) -> None:
    """Rewrite the JSON texts of these columns as PostgreSQL can take them apart, as it is done with every value stored there.

    A text that is no JSON stays: the database refuses it, and nothing is guessed.
    """
    for row in rows:
        for name in names:
            if isinstance(row[name], str):  # SQLite keeps the text of a number as that number
                with suppress(DamagedValueError):
                    row[name] = write_json(read_json(row[name]))


def _set_sequence(target: sa.Connection, table: sa.Table) -> None:
    column = table.autoincrement_column
    if column is None or target.dialect.name != "postgresql":
        return
    highest = target.execute(sa.select(sa.func.max(column))).scalar()
    if highest is not None:
        sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
        target.execute(sa.select(sa.func.setval(sequence, highest)))
