"""Marks of generations: their sweeps, labels, ratings, notes and votes; read in bulk for lists and exports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from rivya_core.lab.ledger.schema import (
    ballot_lines,
    cell_takes,
    clip_notes,
    experiments,
    generations,
    labels,
    ratings,
    vote_pairs,
    vote_rounds,
)


class SweepName(NamedTuple):
    """A sweep that shows a generation, or paid for it."""

    id: str
    name: str


class NoteText(NamedTuple):
    """A note on a clip, ``at_s`` seconds from its start."""

    at_s: float
    author: str
    text: str


class Votes(NamedTuple):
    """Votes on a clip in rounds that have ended; open rounds stay blind."""

    won: int
    lost: int
    tied: int


NO_VOTES: Final = Votes(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Marks:
    """All marks of one generation. ``ratings``: mean stars (1 to 5) over authors, by criterion."""

    sweeps: tuple[SweepName, ...] = ()
    labels: tuple[str, ...] = ()
    ratings: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[NoteText, ...] = ()
    votes: Votes = NO_VOTES

    @property
    def rating(self) -> float | None:
        """The mean overall rating (1 to 5), or None."""
        return self.ratings.get("overall")


def read(connection: sa.Connection, ids: Sequence[str], *, votes: bool = True) -> dict[str, Marks]:
    """Return the marks of some generations, by id. ``votes``: also read votes, which no index helps to find."""
    sweeps, given = _sweeps(connection, ids), _labels(connection, ids)
    rated, written = _ratings(connection, ids), _notes(connection, ids)
    voted = _votes(connection, ids) if votes else {}
    return {
        one: Marks(
            tuple(sweeps.get(one, ())),
            tuple(sorted(given.get(one, ()), key=str.casefold)),
            rated.get(one, {}),
            tuple(written.get(one, ())),
            voted.get(one, NO_VOTES),
        )
        for one in ids
    }


def _sweeps(connection: sa.Connection, ids: Sequence[str]) -> dict[str, list[SweepName]]:
    shown = (
        sa.select(cell_takes.c.generation_id, experiments.c.id, experiments.c.name, experiments.c.created_at)
        .join_from(cell_takes, experiments, experiments.c.id == cell_takes.c.experiment_id)
        .where(cell_takes.c.generation_id.in_(ids), experiments.c.deleted_at.is_(None))
    )
    paid = (
        sa.select(generations.c.id, experiments.c.id, experiments.c.name, experiments.c.created_at)
        .join_from(generations, experiments, experiments.c.id == generations.c.experiment_id)
        .where(generations.c.id.in_(ids), experiments.c.deleted_at.is_(None))
    )
    found: dict[str, list[SweepName]] = defaultdict(list)
    for generation_id, id_, name, _made in sorted(connection.execute(sa.union(shown, paid)), key=lambda row: row[3:]):
        found[generation_id].append(SweepName(id_, name))
    return found


def _labels(connection: sa.Connection, ids: Sequence[str]) -> dict[str, list[str]]:
    query = sa.select(labels.c.of_id, labels.c.label).where(labels.c.kind == "generation", labels.c.of_id.in_(ids))
    found: dict[str, list[str]] = defaultdict(list)
    for of_id, label in connection.execute(query):
        found[of_id].append(label)
    return found


def _ratings(connection: sa.Connection, ids: Sequence[str]) -> dict[str, dict[str, float]]:
    column = ratings.c
    mean = sa.func.avg(column.stars)
    query = (
        sa.select(column.generation_id, column.criterion, mean)
        .where(column.generation_id.in_(ids))
        .group_by(column.generation_id, column.criterion)
        .order_by(column.criterion)
    )
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for generation_id, criterion, stars in connection.execute(query):
        found[generation_id][criterion] = round(float(stars), 2)
    return found


def _notes(connection: sa.Connection, ids: Sequence[str]) -> dict[str, list[NoteText]]:
    column = clip_notes.c
    query = (
        sa.select(column.generation_id, column.at_s, column.author, column.text)
        .where(column.generation_id.in_(ids))
        .order_by(column.at_s, column.id)
    )
    found: dict[str, list[NoteText]] = defaultdict(list)
    for generation_id, *note in connection.execute(query):
        found[generation_id].append(NoteText(*note))
    return found


def _votes(connection: sa.Connection, ids: Sequence[str]) -> dict[str, Votes]:
    column = vote_pairs.c
    both = sa.or_(column.left_generation_id.in_(ids), column.right_generation_id.in_(ids))
    query = (
        sa.select(column.left_generation_id, column.right_generation_id, column.outcome)
        .join_from(vote_pairs, vote_rounds, vote_rounds.c.id == column.round_id)
        .where(both, vote_rounds.c.ended_at.is_not(None), column.outcome.in_(("left", "right", "tie")), is_in_the_sum())
    )
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for left, right, outcome in connection.execute(query):
        counts[left][_place(outcome, "left")] += 1
        counts[right][_place(outcome, "right")] += 1
    return {one: Votes(*counted) for one, counted in counts.items()}


def _place(outcome: Any, side: str) -> int:
    """Return the counter that an outcome adds to for the clip of a side: won, lost or tied."""
    return 2 if outcome == "tie" else 0 if outcome == side else 1


def is_in_the_sum() -> sa.ColumnElement[bool]:
    """Match rounds whose votes are counted: all but excluded ballot lines."""
    column = ballot_lines.c
    return ~sa.exists().where(column.round_id == vote_rounds.c.id, column.taken_out_at.is_not(None))
