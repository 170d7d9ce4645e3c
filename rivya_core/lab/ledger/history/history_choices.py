"""The models and parameter values that History can be filtered by, updated incrementally."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final

import sqlalchemy as sa

from rivya_core.lab.ledger.history.history_query import PARAM_KEYS, param_texts, plain
from rivya_core.lab.ledger.history.marks import SweepName
from rivya_core.lab.ledger.schema import experiments, generations

SWEEPS_MAX: Final = 200
VALUES_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class Choices:
    """The choices as of row ``seq``.

    ``used``: by parameter, the most recently requested values, as :func:`history_query.plain` formats them, each with the
    last row that used it; at most 60 per parameter, since a script may give every clip another number.
    """

    models: tuple[str, ...] = ()
    used: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
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
    asked = [column.model, *(text for name in PARAM_KEYS for text in param_texts(name))]
    last = sa.func.max(column.seq).label("last")
    query = sa.select(*asked, last).where(column.seq > known.seq).group_by(*asked).order_by(last)
    rows = connection.execute(query).mappings().all()
    models = {*known.models, *(row["model"] for row in rows)}
    used = {}
    for name, keys in PARAM_KEYS.items():
        fresh = {plain(row[key]): row["last"] for row in rows for key in keys if row[key]}
        latest_first = sorted({**known.used.get(name, {}), **fresh}.items(), key=itemgetter(1), reverse=True)
        used[name] = dict(latest_first[:VALUES_MAX])
    return Choices(tuple(sorted(models)), used, newest)


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
