"""The models and parameter values that History can be filtered by, updated incrementally."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final

import sqlalchemy as sa

from rivya_core.lab.ledger.history.marks import SweepName
from rivya_core.lab.ledger.history.param_columns import PARAM_KEYS, column_name
from rivya_core.lab.ledger.schema import experiments, generations

SWEEPS_MAX: Final = 200
VALUES_MAX: Final = 60
STEPS_MAX: Final = 200
"""Values of a column up to which each is looked up by itself; beyond that all rows are read once."""


@dataclass(frozen=True, slots=True)
class Choices:
    """The choices as of row ``seq``.

    ``used``: by parameter, the most recently requested values, as :func:`param_columns.plain` formats them, each with the
    last row that used it; at most 60 per parameter, since a script may give every clip another number.
    """

    models: tuple[str, ...] = ()
    used: Mapping[str, dict[str, int]] = field(default_factory=dict)
    seq: int = 0

    @property
    def params(self) -> Mapping[str, tuple[str, ...]]:
        """The values by parameter, numbers first, sorted."""
        return {name: tuple(sorted(values, key=_numbers_first)) for name, values in self.used.items()}


def more(connection: sa.Connection, known: Choices) -> Choices:
    """Add the values of rows newer than ``seq``; a request never changes, so no older row is read again."""
    column = generations.c
    newest = connection.execute(sa.select(sa.func.max(column.seq))).scalar() or 0
    if newest <= known.seq:
        return known
    models = {*known.models, *_last_of(connection, column.model, known.seq)}
    used = {}
    for name in PARAM_KEYS:
        fresh = known.used.get(name, {}) | _last_of(connection, column[column_name(name)], known.seq)
        latest_first = sorted(((value, seq) for value, seq in fresh.items() if value), key=itemgetter(1), reverse=True)
        used[name] = dict(latest_first[:VALUES_MAX])
    return Choices(tuple(sorted(models)), used, newest)


def _last_of(connection: sa.Connection, column: sa.Column[str], after: int) -> dict[str, int]:
    """Return the values of a column in rows after ``after``, each with the last row that has it."""
    seq = generations.c.seq
    if not after:
        values = _values(connection, column)
        if len(values) <= STEPS_MAX:
            last = sa.select(sa.func.max(seq))
            return {one: connection.execute(last.where(column == one)).scalar_one() for one in values}
    query = sa.select(column, sa.func.max(seq)).where(seq > after, column.is_not(None)).group_by(column)
    return {str(value): int(last) for value, last in connection.execute(query)}


def _values(connection: sa.Connection, column: sa.Column[str]) -> list[str]:
    """Return the values of all rows, at most one more than ``STEPS_MAX``: the index is asked for the next greater one each time."""
    first = sa.select(sa.func.min(column).label("value")).cte("found", recursive=True)
    after = sa.select(sa.func.min(column)).where(column > first.c.value).scalar_subquery()
    found = first.union_all(sa.select(after).where(first.c.value.is_not(None)))
    query = sa.select(found.c.value).where(found.c.value.is_not(None)).limit(STEPS_MAX + 1)
    return list(connection.execute(query).scalars())


def sweeps(connection: sa.Connection) -> list[SweepName]:
    """Return the newest sweeps that are neither hidden nor deleted."""
    column = experiments.c
    where = [column.deleted_at.is_(None), column.hidden_at.is_(None)]
    query = sa.select(column.id, column.name).where(*where).order_by(column.created_at.desc()).limit(SWEEPS_MAX)
    return [SweepName(*row) for row in connection.execute(query)]


def _numbers_first(value: str) -> tuple[bool, float, str]:
    try:
        return False, float(value), value
    except ValueError:
        return True, 0.0, value
