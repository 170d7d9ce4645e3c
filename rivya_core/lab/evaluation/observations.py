"""Load the takes of an experiment for judging: cell, state, measured figures. Also stores the figures of a measured clip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from rivya_core.lab.evaluation.features import VERSION
from rivya_core.lab.experiments.records import Kind
from rivya_core.lab.experiments.reuse import is_judgeable
from rivya_core.lab.ledger.schema import cell_takes, cells, experiments, features, generations
from rivya_core.lab.ledger.states import State, is_terminal, stored
from rivya_core.settings import Mode


@dataclass(frozen=True, slots=True)
class Observation:
    """One take of a cell. ``figures``: None while not measured; ``trouble``: why it cannot be measured, or ""."""

    cell: int
    take: int
    generation_id: str | None
    state: State | None
    figures: Mapping[str, float | None] | None
    trouble: str = ""
    is_watched: bool = True

    @property
    def is_open(self) -> bool:
        """Running: it may still give a clip."""
        return self.state is not None and not is_terminal(self.state) and self.is_watched

    @property
    def is_due(self) -> bool:
        """True when it has a clip that was not measured yet."""
        return self.state is State.SUCCEEDED and self.figures is None and not self.trouble


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination of values, with the estimated price of one more take."""

    number: int
    labels: Mapping[str, str]
    expected_credits: int


@dataclass(frozen=True, slots=True)
class Observed:
    """An experiment and all its takes, in grid order."""

    experiment_id: str
    kind: Kind
    mode: Mode
    model: str
    created_at: datetime
    cells: tuple[Cell, ...]
    takes: tuple[Observation, ...]
    name: str = ""
    question: str = ""

    @property
    def measured(self) -> tuple[Observation, ...]:
        """The takes that have figures."""
        return tuple(take for take in self.takes if take.figures is not None)

    @property
    def is_complete(self) -> bool:
        """True when every started take has ended and was measured, and there is something to judge."""
        return bool(self.measured) and not any(take.is_open or take.is_due for take in self.takes)

    @property
    def fingerprint(self) -> int:
        """Cache key that changes whenever a verdict might. Figures enter as text, since NaN is not equal to itself."""
        return hash(
            (
                self.experiment_id,
                self.name,
                self.question,
                tuple((take.cell, take.take, take.generation_id, take.state, take.trouble) for take in self.takes),
                tuple(repr(sorted((take.figures or {}).items())) for take in self.takes),
            )
        )


def read(connection: sa.Connection, experiment_id: str) -> Observed | None:
    """Read one experiment with its takes, or None when there is none with this id.

    ``connection``: one of ``reading_at_once``, so that every take's combination is among those read.
    """
    column = experiments.c
    head = connection.execute(
        sa.select(column.kind, column.mode, column.model, column.created_at, column.name, column.question).where(
            column.id == experiment_id
        )
    ).first()
    if head is None:
        return None
    rows = connection.execute(
        sa.select(cells.c.cell, cells.c.labels, cells.c.expected_credits)
        .where(cells.c.experiment_id == experiment_id)
        .order_by(cells.c.cell)
    ).all()
    return Observed(
        experiment_id=experiment_id,
        kind=head.kind,
        mode=head.mode,
        model=head.model,
        created_at=head.created_at,
        cells=tuple(Cell(row.cell, row.labels, row.expected_credits) for row in rows),
        takes=tuple(_takes(connection, experiment_id)),
        name=head.name,
        question=head.question,
    )


def _takes(connection: sa.Connection, experiment_id: str) -> Iterable[Observation]:
    joined = cell_takes.outerjoin(generations, generations.c.id == cell_takes.c.generation_id).outerjoin(
        features, sa.and_(features.c.generation_id == cell_takes.c.generation_id, features.c.version == VERSION)
    )
    rows = connection.execute(
        sa.select(
            cell_takes.c.cell,
            cell_takes.c.take,
            cell_takes.c.generation_id,
            generations.c.state,
            generations.c.unwatched_at,
            features.c.figures,
            features.c.error,
        )
        .select_from(joined)
        .where(cell_takes.c.experiment_id == experiment_id, is_judgeable())
        .order_by(cell_takes.c.cell, cell_takes.c.take)
    )
    for row in rows:
        yield Observation(
            cell=row.cell,
            take=row.take,
            generation_id=row.generation_id,
            state=None if row.state is None else stored(row.state),
            figures=row.figures,
            trouble=row.error or "",
            is_watched=row.unwatched_at is None,
        )


@dataclass(frozen=True, slots=True)
class DueClip:
    """A clip to be measured, by its archive keys. ``is_first``: of an experiment with priority."""

    generation_id: str
    clip_key: str
    image_sha256: str | None
    is_first: bool = False


def due_clips(connection: sa.Connection, limit: int, *, first: Sequence[str] = ()) -> Sequence[DueClip]:
    """Return clips of experiments not measured yet, including those downloaded again after they could not be measured.

    Those of the experiments ``first`` come first, then the oldest.
    """
    preferred = sa.select(cell_takes.c.generation_id).where(
        cell_takes.c.experiment_id.in_(first), cell_takes.c.generation_id.is_not(None)
    )
    is_first = generations.c.id.in_(preferred)
    is_measured = sa.and_(features.c.generation_id == generations.c.id, features.c.version == VERSION)
    rows = connection.execute(
        sa.select(generations.c.id, generations.c.clip_key, generations.c.asset_sha256, is_first.label("is_first"))
        .select_from(generations.outerjoin(features, is_measured))
        .where(
            generations.c.id.in_(sa.select(cell_takes.c.generation_id)),
            generations.c.state == State.SUCCEEDED.value,
            generations.c.clip_key.is_not(None),
            sa.or_(
                features.c.generation_id.is_(None),
                sa.and_(features.c.error.is_not(None), features.c.measured_at < generations.c.finished_at),
            ),
        )
        .order_by(is_first.desc(), generations.c.seq)
        .limit(limit)
    )
    return [DueClip(row.id, row.clip_key, row.asset_sha256, bool(row.is_first)) for row in rows]


def keep(connection: sa.Connection, generation_id: str, took_s: float, now: datetime, **outcome: Any) -> None:
    """Store ``figures`` or ``error`` of one clip in the caller's transaction, replacing those of the same version."""
    mine = sa.and_(features.c.generation_id == generation_id, features.c.version == VERSION)
    connection.execute(sa.delete(features).where(mine))
    connection.execute(
        sa.insert(features).values(
            generation_id=generation_id, version=VERSION, took_s=round(took_s, 4), measured_at=now, **outcome
        )
    )


def probes(connection: sa.Connection) -> Sequence[str]:
    """Return the ids of the experiments that probe a parameter, oldest first."""
    return list(
        connection.scalars(
            sa.select(experiments.c.id)
            .where(experiments.c.kind != "sweep", experiments.c.deleted_at.is_(None))
            .order_by(experiments.c.created_at, experiments.c.id)
        )
    )


def fresh_sweeps(connection: sa.Connection, since: datetime | None) -> tuple[Sequence[str], datetime | None]:
    """Return the ids of ordinary sweeps started or measured after ``since`` (None: all), oldest first, and the newest such time."""
    measured = (
        sa.select(cell_takes.c.experiment_id, sa.func.max(features.c.measured_at).label("at"))
        .select_from(cell_takes.join(features, features.c.generation_id == cell_takes.c.generation_id))
        .group_by(cell_takes.c.experiment_id)
    )
    if since is not None:
        measured = measured.where(features.c.measured_at > since)
    last = measured.subquery()
    column = experiments.c
    query = (
        sa.select(column.id, column.created_at, last.c.at)
        .select_from(experiments.outerjoin(last, last.c.experiment_id == column.id))
        .where(column.kind == "sweep", column.deleted_at.is_(None), column.source.is_(None))
        .order_by(column.created_at, column.id)
    )
    if since is not None:
        query = query.where(sa.or_(column.created_at > since, last.c.at.is_not(None)))
    rows = connection.execute(query).all()
    moments = [moment for row in rows for moment in (row.created_at, row.at) if moment is not None]
    return [row.id for row in rows], max(moments, default=since)
