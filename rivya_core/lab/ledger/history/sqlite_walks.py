"""Choose on SQLite by which index a filtered list is walked: it keeps no statistics, and would guess.

The conditions are looked at one by one, a thousand rows of each: how far back they reach tells how frequent each is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.lab.ledger.history import search
from rivya_core.lab.ledger.history.history_query import Choice, choices, conditions, named_rows
from rivya_core.lab.ledger.records import HistoryFilter
from rivya_core.lab.ledger.schema import generations

LISTED: Final = search.LISTED
LOOKED_AT: Final = 1000
ARMS_MAX: Final = 100
"""A choice among more values is a condition only: SQLite takes 500 terms in a compound SELECT at most."""
ROW_COST: Final = 20
"""To look a row up costs as much as so many steps in an index that has all that is asked."""

_BY_VALUE: Final = generations.alias("by_value")  # the rows as an index has them, beside those that are looked up

Newest = sa.Select[Any] | sa.CompoundSelect[Any]


def newest_first(
    connection: sa.Connection, wanted: HistoryFilter, enough: int, more: Sequence[sa.ColumnElement[bool]] = ()
) -> Newest:
    """Select the sequence numbers that a filter finds, newest first.

    Args:
        connection: To a SQLite database.
        wanted: The filter.
        enough: At most so many are read of it.
        more: Further conditions.
    """
    where = [*conditions(wanted), *more]
    found = next((one for one in where if isinstance(one, search.Found)), None)
    if found is not None and search.is_an_id(connection, found):
        return _newest().where(*where)
    where = [one for one in where if one is not found]
    named = named_rows(wanted)
    if named:
        return _newest("NOT INDEXED").where(*where, *named, *_words_of(found))
    every = [choice for choice in choices(wanted) if len(choice.values) <= ARMS_MAX]
    if not every:
        return _newest(f"INDEXED BY {LISTED}").where(*where) if found is None else search.by_index(found, *where)
    if found is None and not more and len(where) == 1 + len(every) == 2:  # noqa: PLR2004 - that it was not deleted, and one choice
        return _by_choice(every[0], where, ())
    newest = connection.execute(sa.select(sa.func.max(generations.c.seq))).scalar() or 1
    shares = [_share(connection, _by_choice(one, where[:1], ()), newest) for one in every]
    ways = [_by_choice(one, where, _words_of(found)) for one in every]
    if found is not None:
        shares.append(_share(connection, search.by_index(found), newest))
        ways.append(search.by_index(found, *where))
    joint = math.prod(shares)
    rarest = min(shares, default=1.0)
    opened = min(rarest * newest, enough * rarest / joint)
    if found is None and min(newest, enough / joint) <= opened * ROW_COST:
        return _newest(f"INDEXED BY {LISTED}").where(*where)
    return ways[shares.index(rarest)]


def walked(index: str) -> sa.Select[Any]:
    """Select sequence numbers by one index and no other."""
    return sa.select(generations.c.seq).with_hint(generations, f"INDEXED BY {index}", "sqlite")


def _newest(hint: str = "") -> sa.Select[Any]:
    query = sa.select(generations.c.seq).order_by(generations.c.seq.desc())
    return query.with_hint(generations, hint, "sqlite") if hint else query


def _by_choice(
    choice: Choice, where: Sequence[sa.ColumnElement[bool]], more: Sequence[sa.ColumnElement[bool]]
) -> Newest:
    """Merge the rows of each value, which the index has newest first; what else is asked is looked up row by row."""
    mine = choice.condition
    others = [*(one for one in where if not one.compare(mine)), *more]
    if len(others) == 1:  # that it was not deleted, which the index has, too
        query, column = walked(choice.index_name).where(*others), choice.column
    else:
        query = sa.select(_BY_VALUE.c.seq.label("seq")).with_hint(
            _BY_VALUE, f"INDEXED BY {choice.index_name}", "sqlite"
        )
        in_this_order = generations.c.seq == _BY_VALUE.c.seq + 0
        query = query.join_from(_BY_VALUE, generations, in_this_order)
        query = query.with_hint(generations, f"INDEXED BY {LISTED}", "sqlite").where(*others)
        column = _BY_VALUE.c[choice.column.name]
    arms = [query.where(column == value) for value in choice.values]
    return (
        sa.union_all(*arms).order_by(sa.desc("seq"))
        if len(arms) > 1
        else arms[0].order_by(query.selected_columns[0].desc())
    )


def _words_of(found: search.Found | None) -> list[sa.ColumnElement[bool]]:
    return [] if found is None else search.in_row(found)


def _share(connection: sa.Connection, query: Newest, newest: int) -> float:
    """Return about which share of all rows a condition matches, judged by the newest of them."""
    rows: Any = query.limit(LOOKED_AT).subquery()
    counted = sa.select(sa.func.count(), sa.func.min(rows.c.seq))
    count, oldest = map(int, (number or 0 for number in connection.execute(counted).one()))
    if count < LOOKED_AT:
        return max(1, count) / newest
    return count / max(count, newest - oldest + 1)
