"""Find one page of History: which rows, in which order, out of how many.

Rows are wide, so a list is first found by an index, as sequence numbers; only the rows of one page are read in full.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.lab.ledger.history import sqlite_walks
from rivya_core.lab.ledger.history.history_query import Sort, conditions, figure, index_of, mean_stars
from rivya_core.lab.ledger.mapping import EVERY_COLUMN, readable, to_record
from rivya_core.lab.ledger.records import GenerationRecord, HistoryFilter, HistoryPage
from rivya_core.lab.ledger.schema import generations, ratings

COUNT_MAX: Final = 10_000  # beyond this a total is shown as "10,000+"


def page_of(connection: sa.Connection, wanted: HistoryFilter, page: int, size: int, sort: Sort) -> HistoryPage:
    """Return one page of the filtered rows; a page beyond the end is the last one."""
    total, found = _counted(connection, wanted, size, page, sort)
    if not found and page > 1 and total <= COUNT_MAX:
        page = max(1, math.ceil(total / size))
        total, found = _counted(connection, wanted, size, page, sort)
    elif sort == "newest" and page * size > COUNT_MAX:
        found = seqs_of(connection, wanted, size + 1, (page - 1) * size)
    rows = rows_of(connection, found[:size])
    exact = total <= COUNT_MAX
    pages = math.ceil(total / size) if exact else max(COUNT_MAX // size, page + (len(found) > size))
    return HistoryPage(tuple(rows), page, max(1, pages), min(total, COUNT_MAX), exact)


def seqs_of(
    connection: sa.Connection, wanted: HistoryFilter, limit: int, offset: int = 0, *, below: int | None = None
) -> Sequence[int]:
    """Select sequence numbers only, newest first, so that the offset is counted without reading a row."""
    query: Any = _newest_first(connection, wanted, limit + offset, below).limit(limit).offset(offset)
    return connection.execute(query).scalars().all()


def rows_of(connection: sa.Connection, seqs: Sequence[int]) -> list[GenerationRecord]:
    """Return the rows with some sequence numbers, in their order."""
    if not seqs:
        return []
    query = sa.select(*EVERY_COLUMN).where(generations.c.seq.in_(seqs)).order_by(generations.c.seq.desc())
    found = readable(connection, query, to_record)
    place = {seq: number for number, seq in enumerate(seqs)}
    return sorted(found, key=lambda row: place[row.seq])


def _newest_first(
    connection: sa.Connection, wanted: HistoryFilter, enough: int, below: int | None = None
) -> sqlite_walks.Newest:
    more = [] if below is None else [generations.c.seq < below]
    if connection.dialect.name == "sqlite":
        return sqlite_walks.newest_first(connection, wanted, enough, more)
    return sa.select(generations.c.seq).where(*conditions(wanted), *more).order_by(generations.c.seq.desc())


def _counted(
    connection: sa.Connection, wanted: HistoryFilter, size: int, page: int, sort: Sort
) -> tuple[int, Sequence[int]]:
    """Return the number of rows, capped at one more than is counted, and the rows of a page plus one.

    Both come from one pass over the newest rows, as far as they are counted. Another order of more rows than that is walked
    by an index of its own.
    """
    newest = _newest_first(connection, wanted, COUNT_MAX + 1).limit(COUNT_MAX + 1)
    found = newest.cte("found").prefix_with("MATERIALIZED")
    count = sa.select(sa.func.count()).select_from(found).scalar_subquery()
    first = (page - 1) * size
    if sort == "newest":
        query = sa.select(found.c.seq, count).order_by(found.c.seq.desc()).limit(size + 1).offset(first)
        rows = connection.execute(query).all()
        if rows:
            return int(rows[0][1]), [row[0] for row in rows]
        return (0, []) if page == 1 else (int(connection.execute(sa.select(count)).scalar_one()), [])
    total = int(connection.execute(sa.select(count)).scalar_one())
    if total <= COUNT_MAX:
        return total, _ordered(connection, found, sort, size + 1, first)
    return total, _walked(connection, wanted, sort, size + 1, first)


def _ordered(connection: sa.Connection, found: sa.CTE, sort: Sort, limit: int, offset: int) -> Sequence[int]:
    """Put the rows that were found into an order; those without the figure come last, equal ones newest first."""
    query: sa.Select[Any]
    if sort == "oldest":
        query = sa.select(found.c.seq).order_by(found.c.seq)
        return connection.execute(query.limit(limit).offset(offset)).scalars().all()
    column = generations.c
    rows: Any = found.join(generations, column.seq == found.c.seq)
    by: Any = figure(sort)
    if by is None:
        mean = mean_stars()
        rows, by = rows.outerjoin(mean, mean.c.generation_id == column.id), mean.c.stars
    query = sa.select(found.c.seq).select_from(rows).order_by(by.desc().nulls_last(), found.c.seq.desc())
    return connection.execute(query.limit(limit).offset(offset)).scalars().all()


def _walked(connection: sa.Connection, wanted: HistoryFilter, sort: Sort, limit: int, offset: int) -> Sequence[int]:
    """Walk all rows in an order: first those with the figure, then those without, newest first."""
    where, column = conditions(wanted), generations.c
    query: sa.Select[Any]
    if sort == "oldest":
        query = sqlite_walks.walked(sqlite_walks.LISTED).where(*where).order_by(column.seq)
        return connection.execute(query.limit(limit).offset(offset)).scalars().all()
    by: Any = figure(sort)
    if by is None:
        mean = mean_stars()
        query = sa.select(column.seq).join_from(mean, generations, column.id == mean.c.generation_id).where(*where)
        query = query.order_by(mean.c.stars.desc(), column.seq.desc())
        rated = sa.exists().where(ratings.c.generation_id == column.id, ratings.c.criterion == "overall")
        without = ~rated
    else:
        query = (
            sqlite_walks.walked(index_of(sort)).where(by.is_not(None), *where).order_by(by.desc(), column.seq.desc())
        )
        without = by.is_(None)
    found = connection.execute(query.limit(limit).offset(offset)).scalars().all()
    if len(found) == limit or not (by is None or by.nullable):
        return found
    gone = offset
    if not found and offset:
        some = query.order_by(None).limit(offset).subquery()
        gone = connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()
    rest = sqlite_walks.walked(sqlite_walks.LISTED).where(without, *where).order_by(column.seq.desc())
    others = connection.execute(rest.limit(limit - len(found)).offset(offset - gone)).scalars().all()
    return [*found, *others]
