"""Build the WHERE and ORDER BY clauses of History's filters and orders.

Lists are answered from an index where one fits; filters by parameter and orders by time read the rows themselves, once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, get_args

import sqlalchemy as sa

from rivya_core.api.specs import ASPECT_KEYS, DURATION_KEYS
from rivya_core.lab.ledger.history.search import matching
from rivya_core.lab.ledger.records import HistoryFilter
from rivya_core.lab.ledger.schema import cell_takes, experiments, generations, labels, ratings

Sort = Literal["newest", "oldest", "credits", "took", "length", "rating"]
SORTS: Final = get_args(Sort)

PARAM_KEYS: Final[Mapping[str, Sequence[str]]] = {
    "cfg_scale": ("cfg_scale",),
    "duration": DURATION_KEYS,
    "aspect_ratio": ASPECT_KEYS,
}
"""The parameters that can be filtered by, each with the names that models use for it."""


def conditions(wanted: HistoryFilter) -> list[sa.ColumnElement[bool]]:
    """Return the conditions that a filter puts on a row."""
    column = generations.c
    where: list[sa.ColumnElement[bool]] = [column.deleted_at.is_(None)]
    if wanted.states:
        where.append(column.state.in_(sorted(state.value for state in wanted.states)))
    if wanted.mode is not None:
        where.append(column.mode == wanted.mode)
    if wanted.since is not None:
        where.append(column.created_at >= wanted.since)
    if wanted.until is not None:
        where.append(column.created_at < wanted.until)
    if wanted.starred:
        where.append(column.starred.is_(True))
    where += _of_what(wanted)
    found = matching(wanted.text)
    if found is not None:
        where.append(found)
    return where


def _of_what(wanted: HistoryFilter) -> list[sa.ColumnElement[bool]]:
    """Return the conditions on the request and on the marks that were added later."""
    column = generations.c
    names = sorted({name for name, _value in wanted.params})
    where = [_param_is(name, {value for one, value in wanted.params if one == name}) for name in names]
    if wanted.models:
        where.append(column.model.in_(sorted(wanted.models)))
    if wanted.sweep is not None:
        where.append(column.seq.in_(_of_sweep(wanted.sweep)))
    if wanted.labels:
        where.append(column.id.in_(_labelled(wanted.labels)))
    if not wanted.hidden_sweeps:
        where.append(column.seq.not_in(_of_hidden_sweeps()))
    return where


def order(sort: Sort) -> list[sa.ColumnElement[Any]]:
    """Return the ORDER BY clauses; rows without the figure come last, equal ones newest first."""
    column = generations.c
    if sort == "newest":
        return [column.seq.desc()]
    if sort == "oldest":
        return [column.seq]
    figure: sa.ColumnElement[Any]
    if sort == "credits":
        figure = column.held_credits
    elif sort == "took":
        figure = sa.extract("epoch", column.finished_at) - sa.extract("epoch", column.created_at)
    elif sort == "length":
        figure = column.clip_duration_s
    else:
        overall = (ratings.c.generation_id == column.id, ratings.c.criterion == "overall")
        figure = sa.select(sa.func.avg(ratings.c.stars)).where(*overall).scalar_subquery()
    return [figure.desc().nulls_last(), column.seq.desc()]


def param_texts(name: str) -> list[sa.ColumnElement[Any]]:
    """Return one text column for each name that a parameter may have in a request."""
    return [sa.cast(generations.c.request["params"][key].as_string(), sa.String).label(key) for key in PARAM_KEYS[name]]


def plain(value: str) -> str:
    """Format a value for people: the number 1.0 as 1, anything else unchanged."""
    try:
        return f"{float(value):g}"
    except ValueError:
        return value


def _param_is(name: str, values: set[str]) -> sa.ColumnElement[bool]:
    if name not in PARAM_KEYS:
        return sa.false()
    spelled = sorted({spelling for value in values for spelling in _spellings(value)})
    return sa.func.coalesce(*param_texts(name), sa.null()).in_(spelled)


def _spellings(value: str) -> set[str]:
    """Return every text form that a database may give the same number."""
    try:
        return {value, f"{float(value):g}", repr(float(value))}
    except ValueError:
        return {value}


def _of_sweep(experiment_id: str) -> sa.CompoundSelect[Any]:
    """Match what a sweep shows, including reused clips, and what it paid for, including failed tries."""
    column = generations.c
    shown = (
        sa.select(column.seq)
        .join_from(cell_takes, generations, column.id == cell_takes.c.generation_id)
        .where(cell_takes.c.experiment_id == experiment_id)
    )
    return sa.union(shown, sa.select(column.seq).where(column.experiment_id == experiment_id))


def _of_hidden_sweeps() -> sa.Select[Any]:
    hidden = sa.select(experiments.c.id).where(experiments.c.hidden_at.is_not(None))
    return sa.select(generations.c.seq).where(generations.c.experiment_id.in_(hidden))


def _labelled(wanted: frozenset[str]) -> sa.Select[Any]:
    mine = (labels.c.label.in_(sorted(wanted)), labels.c.kind == "generation")
    return sa.select(labels.c.of_id).where(*mine)
