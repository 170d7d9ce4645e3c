"""Build the WHERE and ORDER BY clauses of History's filters and orders.

What is filtered and ordered by stands in columns that indexes cover; of a request itself nothing is read.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple, get_args

import sqlalchemy as sa

from rivya_core.lab.ledger.history.param_columns import PARAM_KEYS, column_name, plain
from rivya_core.lab.ledger.history.search import matching
from rivya_core.lab.ledger.records import HistoryFilter
from rivya_core.lab.ledger.schema import cell_takes, experiments, generations, labels, ratings

Sort = Literal["newest", "oldest", "credits", "took", "length", "rating"]
SORTS: Final = get_args(Sort)
_PREFIX: Final = "ix_lab_generations_"
_ONE: Final = generations.alias("one")


class Choice(NamedTuple):
    """A filter by the values of a column. ``index_name``: of the index that has the rows of each value newest first."""

    column: sa.Column[Any]
    values: tuple[Any, ...]
    index_name: str

    @property
    def condition(self) -> sa.ColumnElement[bool]:
        """Match the rows that have one of the values."""
        return self.column.in_(self.values) if len(self.values) != 1 else self.column == self.values[0]


def choices(wanted: HistoryFilter) -> list[Choice]:
    """Return the filters by values of a column."""
    column = generations.c
    found = []
    if wanted.states:
        states = tuple(sorted(state.value for state in wanted.states))
        found.append(Choice(column.state, states, f"{_PREFIX}by_state"))
    if wanted.starred:
        found.append(Choice(column.starred, (True,), f"{_PREFIX}starred"))
    if wanted.models:
        found.append(Choice(column.model, tuple(sorted(wanted.models)), f"{_PREFIX}by_model"))
    for name in sorted({name for name, _value in wanted.params} & PARAM_KEYS.keys()):
        values = {plain(value) for one, value in wanted.params if one == name}
        found.append(Choice(column[column_name(name)], tuple(sorted(values)), f"{_PREFIX}by_{name}"))
    return found


def conditions(wanted: HistoryFilter) -> list[sa.ColumnElement[bool]]:
    """Return the conditions that a filter puts on a row, the first one that it was not deleted."""
    column = generations.c
    where: list[sa.ColumnElement[bool]] = [column.deleted_at.is_(None), *(one.condition for one in choices(wanted))]
    if wanted.mode is not None:
        where.append(column.mode == wanted.mode)
    if wanted.since is not None:
        where.append(column.created_at >= wanted.since)
    if wanted.until is not None:
        where.append(column.created_at < wanted.until)
    if not {name for name, _value in wanted.params} <= PARAM_KEYS.keys():
        where.append(sa.false())
    if wanted.sweep is not None:
        where.append(column.seq.in_(_of_sweep(wanted.sweep)))
    if wanted.labels:
        where.append(column.id.in_(_labelled(wanted.labels)))
    if not wanted.hidden_sweeps:
        hidden = sa.select(experiments.c.id).where(experiments.c.hidden_at.is_not(None))
        where.append(sa.or_(column.experiment_id.is_(None), column.experiment_id.not_in(hidden)))
    found = matching(wanted.text)
    if found is not None:
        where.append(found)
    return where


def named_rows(wanted: HistoryFilter) -> list[sa.ColumnElement[bool]]:
    """Return a filter's conditions that name their rows, as sequence numbers: those with a label, and those of a sweep."""
    found: list[sa.ColumnElement[bool]] = []
    if wanted.sweep is not None:
        found.append(generations.c.seq.in_(_of_sweep(wanted.sweep)))
    if wanted.labels:
        ids = _labelled(wanted.labels)
        found.append(generations.c.seq.in_(sa.select(_ONE.c.seq).where(_ONE.c.id.in_(ids))))
    return found


def figure(sort: Sort) -> sa.Column[Any] | None:
    """Return the column that an order goes by; None for an order without one. Its index is named ``by_<sort>``."""
    column = generations.c
    return {"credits": column.held_credits, "took": column.took_s, "length": column.clip_duration_s}.get(sort)


def index_of(sort: Sort) -> str:
    """Return the name of the index that has the rows in an order by a column."""
    return f"{_PREFIX}by_{sort}"


def mean_stars() -> sa.Subquery:
    """Select the mean of the overall ratings of each rated generation."""
    column = ratings.c
    query = sa.select(column.generation_id, sa.func.avg(column.stars).label("stars"))
    return query.where(column.criterion == "overall").group_by(column.generation_id).subquery()


def _of_sweep(experiment_id: str) -> sa.CompoundSelect[Any]:
    """Match what a sweep shows, including reused clips, and what it paid for, including failed tries."""
    column = _ONE.c
    shown = (
        sa.select(column.seq)
        .join_from(cell_takes, _ONE, column.id == cell_takes.c.generation_id)
        .where(cell_takes.c.experiment_id == experiment_id)
    )
    return sa.union(shown, sa.select(column.seq).where(column.experiment_id == experiment_id))


def _labelled(wanted: frozenset[str]) -> sa.Select[Any]:
    mine = (labels.c.label.in_(sorted(wanted)), labels.c.kind == "generation")
    return sa.select(labels.c.of_id).where(*mine)
