"""Store and load experiments. Nothing here knows budgets, jobs or Rivya.

Every function works inside the caller's transaction. Cells are numbered in grid order, so the cells of one tab are computed
by arithmetic and only those are read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.api.errors import LabError
from rivya_core.lab.experiments import reuse
from rivya_core.lab.experiments.records import Axis, CellRecord, ExperimentRecord, SweepStatus, TakeRecord
from rivya_core.lab.experiments.reuse import Plan, Prices, TakeSlot
from rivya_core.lab.experiments.spec import to_spec
from rivya_core.lab.experiments.sweep import Sweep
from rivya_core.lab.ledger.ids import searchable
from rivya_core.lab.ledger.schema import cell_takes, cells, experiments, generations, labels
from rivya_core.lab.ledger.states import State, stored
from rivya_core.lab.media.video_probe import UNOPENED
from rivya_core.lab.people.acting import acting_address
from rivya_core.settings import Mode

IS_PLANNED: Final = cell_takes.c.generation_id.is_(None)
"""Takes that were not started."""


def is_missing() -> sa.ColumnElement[bool]:
    """Match takes that need a generation: never started, or without a clip that can be judged."""
    return sa.or_(IS_PLANNED, reuse.is_lost())


# -- writing -----------------------------------------------------------------------------------------------------------


def write_experiment(
    connection: sa.Connection,
    experiment_id: str,
    sweep: Sweep,
    prices: Sequence[int],
    *,
    mode: Mode,
    name: str,
    quoted_credits: int,
    now: datetime,
) -> None:
    """Store a new experiment with its cells; ``name``: its connection, ``prices``: by cell."""
    connection.execute(
        sa.insert(experiments).values(
            id=experiment_id,
            kind=sweep.kind,
            name=sweep.name.strip(),
            question=sweep.question.strip(),
            mode=mode,
            connection=name,
            model=sweep.base.model,
            spec=to_spec(sweep),
            cells=len(sweep.cells),
            takes=sweep.takes,
            cap_credits=sweep.cap_credits,
            quoted_credits=quoted_credits,
            parent_id=sweep.parent_id,
            created_at=now,
            person=acting_address(),
        )
    )
    connection.execute(
        sa.insert(cells),
        [
            {
                "experiment_id": experiment_id,
                "cell": cell.cell,
                "labels": dict(cell.labels),
                "request": cell.request.canonical(),
                "request_sha256": cell.request_sha256,
                "reuse_sha256": cell.reuse_sha256,
                "asset_sha256": None if cell.request.image is None else cell.request.image.sha256,
                "expected_credits": price,
            }
            for cell, price in zip(sweep.cells, prices, strict=True)
        ],
    )


def write_takes(connection: sa.Connection, experiment_id: str, wanted: Sequence[TakeSlot]) -> None:
    """Store all takes of a new experiment, none of them filled yet."""
    connection.execute(
        sa.insert(cell_takes),
        [
            {"experiment_id": experiment_id, "cell": place.cell, "take": place.take, "reused": False, "tries": 0}
            for place in wanted
        ],
    )


@dataclass(frozen=True, slots=True)
class Assignment:
    """A take and the generation that fills it from now on. ``tries``: how many generations were made for it."""

    cell: int
    take: int
    generation_id: str
    reused: bool
    tries: int


def assign(connection: sa.Connection, experiment_id: str, filled: Sequence[Assignment]) -> None:
    """Assign generations to takes of an experiment."""
    if not filled:
        return
    column = cell_takes.c
    query = (
        sa.update(cell_takes)
        .where(
            column.experiment_id == experiment_id,
            column.cell == sa.bindparam("of_cell"),
            column.take == sa.bindparam("of_take"),
        )
        .values(generation_id=sa.bindparam("by_id"), reused=sa.bindparam("is_reused"), tries=sa.bindparam("tries_made"))
    )
    values = [
        {
            "of_cell": one.cell,
            "of_take": one.take,
            "by_id": one.generation_id,
            "is_reused": one.reused,
            "tries_made": one.tries,
        }
        for one in filled
    ]
    connection.execute(query, values)


def update(connection: sa.Connection, experiment_id: str, **columns: Any) -> None:
    """Set columns of an experiment."""
    connection.execute(sa.update(experiments).where(experiments.c.id == experiment_id).values(**columns))


# -- reading -----------------------------------------------------------------------------------------------------------


def find(connection: sa.Connection, experiment_id: str) -> ExperimentRecord | None:
    """The experiment, or None."""
    row = connection.execute(sa.select(experiments).where(experiments.c.id == searchable(experiment_id))).first()
    return None if row is None else _record(row)


def must_find(connection: sa.Connection, experiment_id: str) -> ExperimentRecord:
    """The experiment. Raises LabError for an unknown id."""
    record = find(connection, experiment_id)
    if record is None:
        raise LabError(
            "There is no such sweep",
            f"The id {experiment_id!r} is not in this data folder.",
            "Look it up in the list of sweeps.",
            field="id",
        )
    return record


def listed(
    connection: sa.Connection, mode: Mode | None, limit: int, offset: int, *, hidden: bool, label: str | None
) -> list[ExperimentRecord]:
    """Return experiments that are not deleted, newest first; ``hidden``: only hidden ones, instead of the others."""
    hid = experiments.c.hidden_at
    query = sa.select(experiments).where(experiments.c.deleted_at.is_(None))
    query = query.where(hid.is_not(None) if hidden else hid.is_(None))
    if mode is not None:
        query = query.where(experiments.c.mode == mode)
    if label is not None:
        given = sa.select(labels.c.of_id).where(labels.c.kind == "sweep", labels.c.label == label)
        query = query.where(experiments.c.id.in_(given))
    query = query.order_by(experiments.c.created_at.desc(), experiments.c.id.desc()).limit(limit).offset(offset)
    return [_record(row) for row in connection.execute(query)]


def spent(connection: sa.Connection, experiment_id: str) -> int:
    """Return the credits held or settled by the generations that an experiment paid for."""
    total = sa.func.coalesce(sa.func.sum(generations.c.held_credits), 0)
    return int(connection.execute(sa.select(total).where(generations.c.experiment_id == experiment_id)).scalar_one())


def status(
    connection: sa.Connection, record: ExperimentRecord, mode: Mode, shown: Sequence[CellRecord] = ()
) -> SweepStatus:
    """Return the status of an experiment, with the cells given; ``mode``: in which its rest would be bought."""
    column = cell_takes.c
    unwatched = generations.c.unwatched_at.is_not(None)
    groups = (generations.c.state, column.reused, reuse.is_lost(), reuse.is_damaged(), unwatched)
    counted = connection.execute(
        sa.select(*groups, sa.func.count())
        .select_from(cell_takes.outerjoin(generations, generations.c.id == column.generation_id))
        .where(column.experiment_id == record.id)
        .group_by(*groups)
    ).all()
    states: dict[State, int] = {}
    for state, _, _, _, _, count in counted:
        if state is not None:
            states[stored(state)] = states.get(stored(state), 0) + count
    planned = sum(count for state, _, _, _, _, count in counted if state is None)
    failed = sum(count for _, _, is_lost, _, _, count in counted if is_lost)
    rest = plan(connection, record.id, record.connection, IS_PLANNED, mode) if planned else Plan()
    again = plan(connection, record.id, record.connection, reuse.is_lost(), mode) if failed else Plan()
    return SweepStatus(
        experiment=record,
        cells=tuple(shown),
        states=states,
        planned=planned,
        spent_credits=spent(connection, record.id),
        planned_credits=rest.credits,
        planned_reused=len(rest.reused),
        failed=failed,
        failed_credits=again.credits,
        failed_reused=len(again.reused),
        damaged=sum(count for _, _, _, is_damaged, _, count in counted if is_damaged),
        given_up=sum(count for _, _, is_lost, _, is_unwatched, count in counted if is_lost and is_unwatched),
        reused=sum(count for state, reused, _, _, _, count in counted if reused and state is not None),
        unwatched=sum(count for *_, is_unwatched, count in counted if is_unwatched),
    )


def failures(connection: sa.Connection, experiment_id: str) -> dict[str, dict[str, int]]:
    """Count the failed takes of each value, by axis and label."""
    column = cell_takes.c
    both = sa.and_(cells.c.experiment_id == column.experiment_id, cells.c.cell == column.cell)
    query = (
        sa.select(cells.c.labels, sa.func.count())
        .select_from(cell_takes.join(cells, both).join(generations, generations.c.id == column.generation_id))
        .where(column.experiment_id == experiment_id, generations.c.state == State.FAILED.value)
        .where(generations.c.duplicate_of.is_(None))  # a merged duplicate is no failure of the value
        .group_by(cells.c.experiment_id, cells.c.cell)  # the whole key: only then may its labels stand beside the sum
    )
    found: dict[str, dict[str, int]] = {}
    for values, count in connection.execute(query):
        for axis, label in values.items():
            of_axis = found.setdefault(axis, {})
            of_axis[label] = of_axis.get(label, 0) + count
    return found


def plan(connection: sa.Connection, experiment_id: str, name: str, which: sa.ColumnElement[bool], mode: Mode) -> Plan:
    """Plan how takes that need a generation would get one now on the connection ``name``: reused, or bought at what price."""
    filled = sa.select(cell_takes.c.generation_id).where(
        cell_takes.c.experiment_id == experiment_id, cell_takes.c.generation_id.is_not(None)
    )
    used = connection.execute(filled).scalars().all()
    return reuse.plan(connection, _places(connection, experiment_id, name, which), name, mode, used)


def _places(connection: sa.Connection, experiment_id: str, name: str, which: sa.ColumnElement[bool]) -> list[TakeSlot]:
    """Return takes of an experiment in the order in which they are made, at today's prices."""
    column = cell_takes.c
    both = sa.and_(cells.c.experiment_id == column.experiment_id, cells.c.cell == column.cell)
    asked = sa.func.coalesce(cells.c.reuse_sha256, cells.c.request_sha256).label("asked")
    query = (
        sa.select(
            column.take,
            column.cell,
            column.tries,
            column.generation_id,
            asked,
            cells.c.request,
            cells.c.expected_credits,
        )
        .select_from(cell_takes.join(cells, both).outerjoin(generations, generations.c.id == column.generation_id))
        .where(column.experiment_id == experiment_id, which)
        .order_by(column.take, column.cell)
    )
    prices = Prices(connection, name)
    return [
        TakeSlot(
            row.take,
            row.cell,
            row.asked,
            prices.of_cell(row.request, row.expected_credits),
            tries=row.tries,
            lost_id=row.generation_id,
        )
        for row in connection.execute(query)
    ]


def numbers(record: ExperimentRecord, where: Mapping[str, str]) -> list[int]:
    """Return the numbers of the cells whose axes have the given labels, in grid order.

    Raises:
        LabError: no such axis or label.
    """
    for name, label in where.items():
        axis = next((axis for axis in record.axes if axis.name == name), None)
        if axis is None or label not in axis.labels:
            raise LabError("There is no such tab", f"{name!r} has no value called {label!r}.", field=name)
    lengths = [len(axis.labels) for axis in record.axes]
    if record.spec.get("paired"):
        combinations = [(place,) * len(lengths) for place in range(record.cells)]
    else:
        combinations = list(product(*(range(length) for length in lengths)))
    return [
        number
        for number, places in enumerate(combinations)
        if all(
            where.get(axis.name, axis.labels[place]) == axis.labels[place]
            for axis, place in zip(record.axes, places, strict=True)
        )
    ]


def read_cells(
    connection: sa.Connection, experiment_id: str, only: Sequence[int] | None = None
) -> tuple[CellRecord, ...]:
    """Cells with their takes, in grid order; ``only``: their numbers."""
    chosen = sa.select(cells).where(cells.c.experiment_id == experiment_id).order_by(cells.c.cell)
    column = cell_takes.c
    made = (
        sa.select(
            column.cell,
            column.take,
            column.generation_id,
            column.reused,
            generations.c.state,
            generations.c.clip_key,
            generations.c.held_credits,
            generations.c.starred,
            generations.c.clip_check,
        )
        .select_from(cell_takes.outerjoin(generations, generations.c.id == column.generation_id))
        .where(column.experiment_id == experiment_id)
        .order_by(column.cell, column.take)
    )
    if only is not None:
        chosen = chosen.where(cells.c.cell.in_(only))
        made = made.where(column.cell.in_(only))
    takes: dict[int, list[TakeRecord]] = {}
    for row in connection.execute(made):
        takes.setdefault(row.cell, []).append(_take(row))
    return tuple(
        CellRecord(
            cell=row.cell,
            labels=row.labels,
            request=row.request,
            request_sha256=row.request_sha256,
            expected_credits=row.expected_credits,
            takes=tuple(takes.get(row.cell, ())),
        )
        for row in connection.execute(chosen)
    )


def _take(row: Any) -> TakeRecord:
    return TakeRecord(
        take=row.take,
        generation_id=row.generation_id,
        reused=row.reused,
        state=None if row.state is None else stored(row.state),
        has_clip=row.clip_key is not None,
        held_credits=row.held_credits or 0,
        starred=bool(row.starred),
        is_unopened=row.clip_check == UNOPENED,
    )


def _record(row: sa.Row[Any]) -> ExperimentRecord:
    axes = tuple(Axis(axis["name"], tuple(axis["labels"])) for axis in row.spec["axes"])
    return ExperimentRecord(
        id=row.id,
        kind=row.kind,
        name=row.name,
        question=row.question,
        mode=row.mode,
        connection=row.connection,
        model=row.model,
        spec=row.spec,
        axes=axes,
        cells=row.cells,
        takes=row.takes,
        cap_credits=row.cap_credits,
        quoted_credits=row.quoted_credits,
        parent_id=row.parent_id,
        created_at=row.created_at,
        paused_at=row.paused_at,
        decision=row.decision,
        decided_at=row.decided_at,
        source=row.source,
        hidden_at=row.hidden_at,
        person=row.person,
        paused_by=row.paused_by,
        decided_by=row.decided_by,
        changed_by=row.changed_by,
        deleted_at=row.deleted_at,
    )
